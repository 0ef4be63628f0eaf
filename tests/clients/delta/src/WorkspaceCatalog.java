import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.catalyst.analysis.NamespaceAlreadyExistsException;
import org.apache.spark.sql.catalyst.analysis.NoSuchFunctionException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.NoSuchViewException;
import org.apache.spark.sql.catalyst.analysis.NonEmptyNamespaceException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.catalyst.analysis.ViewAlreadyExistsException;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.FunctionCatalog;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.NamespaceChange;
import org.apache.spark.sql.connector.catalog.Relation;
import org.apache.spark.sql.connector.catalog.RelationCatalog;
import org.apache.spark.sql.connector.catalog.StagedTable;
import org.apache.spark.sql.connector.catalog.StagingTableCatalog;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalogCapability;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableInfo;
import org.apache.spark.sql.connector.catalog.View;
import org.apache.spark.sql.connector.catalog.constraints.Check;
import org.apache.spark.sql.connector.catalog.constraints.Constraint;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.delta.catalog.DeltaCatalog;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A catalog of three-part names, as a workspace has many of them, over Spark's one session catalog.
 *
 * <p>`my-catalog`.`my-schema`.`my table` is the session catalog's table my_x2d_catalog__my_x2d_schema.my_x20_table, which
 * Delta's own catalog makes, alters and loads. Views live in memory as long as the JVM.
 */
public final class WorkspaceCatalog
    implements RelationCatalog, StagingTableCatalog, SupportsNamespaces, FunctionCatalog {
  private static final Map<String, View> VIEWS = new ConcurrentHashMap<>();
  private static final String BETWEEN = "__";

  private String name;

  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {
    this.name = name;
    try {
      if (!namespaceExists(defaultNamespace())) {
        createNamespace(defaultNamespace(), Map.of());
      }
    } catch (NamespaceAlreadyExistsException e) {
      return; // another session was faster
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String[] defaultNamespace() {
    return new String[] {"default"};
  }

  @Override
  public Set<TableCatalogCapability> capabilities() {
    Set<TableCatalogCapability> all = new HashSet<>(delegate().capabilities());
    all.add(TableCatalogCapability.SUPPORT_TABLE_CONSTRAINT);
    return all;
  }

  private static DeltaCatalog delegate() {
    SparkSession session = SparkSession.active();
    return (DeltaCatalog) session.sessionState().catalogManager().v2SessionCatalog();
  }

  /** A name in the letters that the session catalog takes; no two names give the same one. */
  static String plain(String name) {
    StringBuilder text = new StringBuilder();
    String lower = name.toLowerCase(Locale.ROOT);
    for (int i = 0; i < lower.length(); i++) {
      char c = lower.charAt(i);
      boolean after = text.length() == 0 || text.charAt(text.length() - 1) == '_';
      boolean underscore = c == '_' && (after || i + 1 == lower.length());
      boolean letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      if (letter && !underscore && !lower.startsWith("_x", i)) {
        text.append(c);
      } else {
        text.append("_x").append(Integer.toHexString(c)).append('_');
      }
    }
    return text.toString();
  }

  /** The name that plain() was given, in lower case. */
  static String original(String plain) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < plain.length(); i++) {
      if (plain.startsWith("_x", i)) {
        int end = plain.indexOf('_', i + 2);
        text.append((char) Integer.parseInt(plain.substring(i + 2, end), 16));
        i = end;
      } else {
        text.append(plain.charAt(i));
      }
    }
    return text.toString();
  }

  private String prefix() {
    return plain(name) + BETWEEN;
  }

  private String[] mapped(String[] namespace) {
    if (namespace.length != 1) {
      return new String[] {prefix() + plain(String.join(".", namespace))};
    }
    return new String[] {prefix() + plain(namespace[0])};
  }

  private Identifier mapped(Identifier ident) {
    return Identifier.of(mapped(ident.namespace()), plain(ident.name()));
  }

  private String key(Identifier ident) {
    Identifier mapped = mapped(ident);
    return mapped.namespace()[0] + "." + mapped.name();
  }

  // ---- namespaces

  @Override
  public String[][] listNamespaces() throws NoSuchNamespaceException {
    List<String[]> found = new ArrayList<>();
    for (String[] namespace : delegate().listNamespaces()) {
      if (namespace[0].startsWith(prefix())) {
        found.add(new String[] {original(namespace[0].substring(prefix().length()))});
      }
    }
    return found.toArray(new String[0][]);
  }

  @Override
  public String[][] listNamespaces(String[] namespace) throws NoSuchNamespaceException {
    if (namespace.length == 0) {
      return listNamespaces();
    }
    if (!namespaceExists(namespace)) {
      throw new NoSuchNamespaceException(namespace);
    }
    return new String[0][];
  }

  @Override
  public boolean namespaceExists(String[] namespace) {
    return namespace.length == 1 && delegate().namespaceExists(mapped(namespace));
  }

  @Override
  public Map<String, String> loadNamespaceMetadata(String[] namespace) throws NoSuchNamespaceException {
    if (!namespaceExists(namespace)) {
      throw new NoSuchNamespaceException(namespace);
    }
    return delegate().loadNamespaceMetadata(mapped(namespace));
  }

  @Override
  public void createNamespace(String[] namespace, Map<String, String> metadata)
      throws NamespaceAlreadyExistsException {
    if (namespaceExists(namespace)) {
      throw new NamespaceAlreadyExistsException(namespace);
    }
    delegate().createNamespace(mapped(namespace), metadata);
  }

  @Override
  public void alterNamespace(String[] namespace, NamespaceChange... changes) throws NoSuchNamespaceException {
    delegate().alterNamespace(mapped(namespace), changes);
  }

  @Override
  public boolean dropNamespace(String[] namespace, boolean cascade)
      throws NoSuchNamespaceException, NonEmptyNamespaceException {
    if (!namespaceExists(namespace)) {
      return false;
    }
    return delegate().dropNamespace(mapped(namespace), cascade);
  }

  // ---- tables

  @Override
  public Identifier[] listTables(String[] namespace) throws NoSuchNamespaceException {
    if (!namespaceExists(namespace)) {
      throw new NoSuchNamespaceException(namespace);
    }
    List<Identifier> found = new ArrayList<>();
    for (Identifier ident : delegate().listTables(mapped(namespace))) {
      found.add(Identifier.of(namespace, original(ident.name())));
    }
    return found.toArray(new Identifier[0]);
  }

  @Override
  public Relation loadRelation(Identifier ident) throws NoSuchTableException {
    View view = VIEWS.get(key(ident));
    return view != null ? view : loadTable(ident);
  }

  @Override
  public Table loadTable(Identifier ident) throws NoSuchTableException {
    if (!tableExists(ident)) {
      throw new NoSuchTableException(ident);
    }
    return delegate().loadTable(mapped(ident));
  }

  @Override
  public Table loadTable(Identifier ident, long timestamp) throws NoSuchTableException {
    if (!tableExists(ident)) {
      throw new NoSuchTableException(ident);
    }
    return delegate().loadTable(mapped(ident), timestamp);
  }

  @Override
  public Table loadTable(Identifier ident, String version) throws NoSuchTableException {
    if (!tableExists(ident)) {
      throw new NoSuchTableException(ident);
    }
    return delegate().loadTable(mapped(ident), version);
  }

  @Override
  public void invalidateTable(Identifier ident) {
    delegate().invalidateTable(mapped(ident));
  }

  @Override
  public boolean tableExists(Identifier ident) {
    return namespaceExists(ident.namespace()) && delegate().tableExists(mapped(ident));
  }

  private void check(Identifier ident) throws NoSuchNamespaceException {
    if (!namespaceExists(ident.namespace())) {
      throw new NoSuchNamespaceException(ident.namespace());
    }
  }

  private void checkNew(Identifier ident) throws NoSuchNamespaceException, TableAlreadyExistsException {
    check(ident);
    if (tableExists(ident) || viewExists(ident)) {
      throw new TableAlreadyExistsException(ident);
    }
  }

  /** Keys bind nobody in a workspace and are left out; a CHECK would bind and is refused. */
  private static void checkConstraints(TableInfo info) {
    for (Constraint constraint : info.constraints()) {
      if (constraint instanceof Check) {
        throw new UnsupportedOperationException("CHECK in CREATE TABLE: use ALTER TABLE … ADD CONSTRAINT");
      }
    }
  }

  @Override
  public Table createTable(Identifier ident, TableInfo info)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    checkConstraints(info);
    checkNew(ident);
    return delegate().createTable(mapped(ident), info);
  }

  /** The older form: CLONE still calls it. */
  @Override
  @SuppressWarnings("deprecation")
  public Table createTable(Identifier ident, Column[] columns, Transform[] partitions, Map<String, String> properties)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    checkNew(ident);
    return delegate().createTable(mapped(ident), columns, partitions, properties);
  }

  @Override
  public Table createTableLike(Identifier ident, TableInfo info, Table source)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    checkNew(ident);
    return delegate().createTableLike(mapped(ident), info, source);
  }

  @Override
  public Table alterTable(Identifier ident, TableChange... changes) throws NoSuchTableException {
    return delegate().alterTable(mapped(ident), changes);
  }

  @Override
  public boolean dropTable(Identifier ident) {
    return tableExists(ident) && delegate().dropTable(mapped(ident));
  }

  @Override
  public boolean purgeTable(Identifier ident) {
    return tableExists(ident) && delegate().purgeTable(mapped(ident));
  }

  @Override
  public void renameTable(Identifier from, Identifier to) throws NoSuchTableException, TableAlreadyExistsException {
    String[] namespace = to.namespace(); // may begin with the catalog
    String[] schema = {namespace[namespace.length - 1]};
    delegate().renameTable(mapped(from), mapped(Identifier.of(schema, to.name())));
  }

  @Override
  public StagedTable stageCreate(Identifier ident, TableInfo info)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    checkConstraints(info);
    checkNew(ident);
    return delegate().stageCreate(mapped(ident), info);
  }

  @Override
  public StagedTable stageReplace(Identifier ident, TableInfo info)
      throws NoSuchNamespaceException, NoSuchTableException {
    checkConstraints(info);
    check(ident);
    return delegate().stageReplace(mapped(ident), info);
  }

  @Override
  public StagedTable stageCreateOrReplace(Identifier ident, TableInfo info) throws NoSuchNamespaceException {
    checkConstraints(info);
    check(ident);
    return delegate().stageCreateOrReplace(mapped(ident), info);
  }

  @Override
  public CustomMetric[] supportedCustomMetrics() {
    return delegate().supportedCustomMetrics();
  }

  // ---- views

  @Override
  public Identifier[] listViews(String[] namespace) throws NoSuchNamespaceException {
    String start = mapped(namespace)[0] + ".";
    List<Identifier> found = new ArrayList<>();
    for (String key : VIEWS.keySet()) {
      if (key.startsWith(start)) {
        found.add(Identifier.of(namespace, original(key.substring(start.length()))));
      }
    }
    return found.toArray(new Identifier[0]);
  }

  @Override
  public View createView(Identifier ident, View view) throws ViewAlreadyExistsException, NoSuchNamespaceException {
    check(ident);
    if (tableExists(ident) || VIEWS.putIfAbsent(key(ident), view) != null) {
      throw new ViewAlreadyExistsException(ident);
    }
    return view;
  }

  @Override
  public View replaceView(Identifier ident, View view) throws NoSuchViewException {
    if (VIEWS.replace(key(ident), view) == null) {
      throw new NoSuchViewException(ident);
    }
    return view;
  }

  @Override
  public boolean dropView(Identifier ident) {
    return VIEWS.remove(key(ident)) != null;
  }

  @Override
  public void renameView(Identifier from, Identifier to) throws NoSuchViewException, ViewAlreadyExistsException {
    View view = VIEWS.get(key(from));
    if (view == null) {
      throw new NoSuchViewException(from);
    }
    if (tableExists(to) || VIEWS.putIfAbsent(key(to), view) != null) {
      throw new ViewAlreadyExistsException(to);
    }
    VIEWS.remove(key(from));
  }

  // ---- functions: only those that Spark has built in

  @Override
  public Identifier[] listFunctions(String[] namespace) {
    return new Identifier[0];
  }

  @Override
  public UnboundFunction loadFunction(Identifier ident) throws NoSuchFunctionException {
    throw new NoSuchFunctionException(ident);
  }
}
