import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.ResolvedIdentifier;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.V2CreateTableAsSelectPlan;
import org.apache.spark.sql.catalyst.plans.logical.V2WriteCommand;
import org.apache.spark.sql.classic.ExpressionUtils;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StringType$;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Option;

/** What the adapter asks of Spark that Python can't reach. */
public final class WorkspaceStatements {
  private WorkspaceStatements() {}

  /** A parameter's value, cast from text to its type as CAST would do it; null is the type's NULL. */
  public static Column literal(SparkSession session, String value, String type) throws Exception {
    DataType wanted = session.sessionState().sqlParser().parseDataType(type);
    if (value == null) {
      return ExpressionUtils.column(Literal.create(null, wanted));
    }
    Literal text = Literal.create(UTF8String.fromString(value), StringType$.MODULE$);
    Option<String> zone = Option.apply(session.sessionState().conf().sessionLocalTimeZone());
    return session.withActive(
        () -> {
          Object cast = new Cast(text, wanted, zone, Cast.$lessinit$greater$default$4()).eval(null);
          return ExpressionUtils.column(new Literal(cast, wanted));
        });
  }

  /** The folder of the table into which an INSERT or a CREATE TABLE AS wrote; null for every other statement. */
  public static String written(Dataset<Row> result) throws NoSuchTableException {
    LogicalPlan plan = ((org.apache.spark.sql.classic.Dataset<Row>) result).queryExecution().analyzed();
    Table table = null;
    if (plan instanceof V2WriteCommand write && write.table() instanceof DataSourceV2Relation relation) {
      table = relation.table();
    } else if (plan instanceof V2CreateTableAsSelectPlan create
        && create.name() instanceof ResolvedIdentifier name
        && name.catalog() instanceof TableCatalog catalog) {
      // loads the table in the session that is active
      table = catalog.loadTable(name.identifier());
    }
    return table instanceof DeltaTableV2 delta ? delta.path().toUri().getPath() : null;
  }
}
