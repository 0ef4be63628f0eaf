"""PySpark with Delta Lake as the engine of a workspace: many catalogs, volumes, and what Databricks SQL adds.

    spark = MappedSparkSession.start(folder, catalogs=["main", "000-sql-databricks-bridge"])
    spark.sql("CREATE SCHEMA `000-sql-databricks-bridge`.events")

From then on SparkSession.builder.getOrCreate() gives it, so that a notebook's code runs as it is.
"""

import fnmatch
import json
import logging
import pathlib
import shutil
import subprocess
import threading

import pyspark
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import spark_dialect as dialect

FOLDER = pathlib.Path(__file__).resolve().parent / "delta"
CATALOGS = ("main", "000-sql-databricks-bridge", "bridge")


def available():
    """Whether the tools are there that bring Delta's jars and compile the catalog."""
    return bool(shutil.which("mvn") and shutil.which("javac"))


def class_path():
    """The jars of Delta and the compiled catalog, made where they are missing or older than their sources."""
    target = FOLDER / "target"
    jars = target / "jars"
    if not list(jars.glob("delta-spark_*.jar")):
        subprocess.run(
            ["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={jars}",
             "-DincludeGroupIds=io.delta"],
            cwd=FOLDER, check=True, stdout=subprocess.DEVNULL,
        )
    delta = sorted(str(jar) for jar in jars.glob("delta-*.jar"))
    classes, sources = target / "classes", sorted((FOLDER / "src").glob("*.java"))
    newest = max(source.stat().st_mtime for source in sources)
    if not (classes / "built").exists() or (classes / "built").stat().st_mtime < newest:
        spark_jars = pathlib.Path(pyspark.__file__).parent / "jars" / "*"
        subprocess.run(
            ["javac", "-nowarn", "-cp", ":".join([str(spark_jars), *delta]), "-d", classes, *sources], check=True,
            stderr=subprocess.DEVNULL,
        )
        (classes / "built").touch()
    return ":".join([str(classes), *delta])


def settings(folder, catalogs):
    """Spark's settings: Delta, a small machine, the catalogs' names."""
    volumes = folder / "volumes"
    return {
        "spark.driver.extraClassPath": class_path(),
        "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -Dworkspace.volumes={volumes}",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.hadoop.fs.file.impl": "WorkspaceFiles",
        "spark.scheduler.mode": "FAIR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder / "spark"),
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.databricks.delta.vacuum.parallelDelete.enabled": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.defaultCatalog": "main",
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",  # Delta's parser forgets parameters otherwise
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.sources.default": "delta",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        **{f"spark.sql.catalog.{name}": "WorkspaceCatalog" for name in catalogs},
    }


class Shared:
    """What all sessions of one workspace have in common."""

    def __init__(self, folder, catalogs):
        self.folder = folder
        self.volumes = folder / "volumes"
        self.catalogs = list(catalogs)
        self.root = None  # the session that a notebook has
        self.lock = threading.Lock()
        self.copied = {}  # a table's id -> paths that COPY INTO has loaded
        self.views = 0  # how many temporary views stand for files

    def volume(self, parts):
        catalog, schema, name = (part.lower() for part in parts)
        return self.volumes / catalog / schema / name


class Refused(Exception):
    """A statement that the adapter itself refuses, as [CONDITION] text SQLSTATE: xxxxx."""


class MappedSparkSession(SparkSession):
    """A SparkSession that understands Databricks SQL; all else is Spark's own."""

    shared = None  # one workspace a process, as there is one Spark context

    @classmethod
    def start(cls, folder, catalogs=CATALOGS):
        """Starts Spark on a folder; tables that an earlier run left there are removed, files of volumes stay."""
        folder = pathlib.Path(folder).resolve()
        shutil.rmtree(folder / "warehouse", ignore_errors=True)
        (folder / "volumes" / "main" / "default" / "landing").mkdir(parents=True, exist_ok=True)
        logging.getLogger("SQLQueryContextLogger").disabled = True
        builder = SparkSession.builder.master("local[2]").appName("workspace")
        for name, value in settings(folder, catalogs).items():
            builder = builder.config(name, value)
        plain = builder.getOrCreate()
        plain.sparkContext.setLogLevel("OFF")
        cls.shared = Shared(folder, catalogs)
        session = cls.shared.root = cls(plain.sparkContext, plain._jsparkSession)
        SparkSession._instantiatedSession = SparkSession._activeSession = session
        for name in catalogs:
            session.sql(f"SHOW SCHEMAS IN {dialect.quote(name)}")  # Spark lists a catalog once it was used
        return session

    def newSession(self):
        session = super().newSession()
        for name in self.shared.catalogs:
            session.conf.set(f"spark.sql.catalog.{name}", "WorkspaceCatalog")
        return session

    def activate(self):
        """Makes this the session of the calling thread: Spark looks up settings there."""
        self._get_j_spark_session_class(self._jvm).setActiveSession(self._jsparkSession)

    def use(self, catalog, schema):
        """The current catalog and schema; None keeps what is there."""
        if catalog:
            super().sql(f"SET CATALOG {dialect.quote(catalog)}")
        if schema:
            super().sql(f"USE SCHEMA {dialect.quote(schema)}")

    def sql(self, sqlQuery, args=None, **kwargs):
        if isinstance(sqlQuery, str) and not kwargs:
            command = dialect.parse_command(sqlQuery)
            if command:
                return self._command(command)
            copy = dialect.parse_copy_into(sqlQuery)
            if copy:
                return self._copy_into(copy)

            def parameter(name):
                value = F.lit(args[name]) if isinstance(args, dict) else F.lit(None)
                return self.range(1).select(value).collect()[0][0]

            sqlQuery = dialect.replace_read_files(dialect.use_catalog(sqlQuery), parameter, self._files_view)
        return super().sql(sqlQuery, args, **kwargs)

    def literal(self, value, type_name):
        """A parameter: text or None, cast to a type."""
        from pyspark.sql.classic.column import Column

        return Column(self._jvm.WorkspaceStatements.literal(self._jsparkSession, value, type_name))

    def written(self, frame):
        """The folder of the table that an INSERT or CREATE TABLE AS wrote; None for other statements."""
        path = self._jvm.WorkspaceStatements.written(frame._jdf)
        return path and pathlib.Path(path)

    # ---- statements that Spark doesn't have

    def _nothing(self):
        return super().sql("SELECT 1 WHERE false").select()

    def _command(self, command):
        if command.verb.endswith("_catalog"):
            self._change_catalog(command)
        elif command.verb.endswith("_volume"):
            self._change_volume(command)
        return self._nothing()

    def _change_catalog(self, command):
        name = command.name[0].lower()
        catalogs = self.shared.catalogs
        if (name in catalogs) == (command.verb == "create_catalog"):
            if command.quiet:
                return
            known = name in catalogs
            condition, state = ("CATALOG_ALREADY_EXISTS", "42000") if known else ("CATALOG_NOT_FOUND", "42P08")
            raise Refused(f"[{condition}] The catalog `{name}` {'already exists' if known else 'cannot be found'}. SQLSTATE: {state}")
        if command.verb == "create_catalog":
            catalogs.append(name)
            for session in (self, self.shared.root):
                session.conf.set(f"spark.sql.catalog.{name}", "WorkspaceCatalog")
        else:
            catalogs.remove(name)

    def _change_volume(self, command):
        current = [self.catalog.currentCatalog(), self.catalog.currentDatabase()]
        parts = current[: 3 - len(command.name)] + command.name
        folder = self.shared.volume(parts)
        if command.verb == "drop_volume":
            shutil.rmtree(folder, ignore_errors=True)
            return
        super().sql(f"DESCRIBE SCHEMA {dialect.quote(*parts[:2])}")
        if folder.exists() and not command.quiet:
            raise Refused(f"[VOLUME_ALREADY_EXISTS] Cannot create volume {dialect.quote(*parts)} because it already exists. SQLSTATE: 42000")
        folder.mkdir(parents=True, exist_ok=True)

    def _view(self, frame):
        """A temporary view's name, which no statement can have chosen."""
        with self.shared.lock:
            self.shared.views += 1
            name = f"_files_{self.shared.views}"
        frame.createOrReplaceTempView(name)
        return name

    def _files_view(self, path, options):
        options = dict(options)
        kind = options.pop("format", "parquet").lower()
        schema = options.pop("schema", None)
        mode = options.pop("schemaevolutionmode", "addNewColumns")
        reader = self.read.format(kind).options(**options)
        frame = (reader.schema(schema) if schema else reader).load(path)
        if not schema and mode.lower() != "none" and "_rescued_data" not in frame.columns:
            frame = frame.withColumn("_rescued_data", F.lit(None).cast("string"))
        return self._view(frame)

    def _copy_files(self, copy):
        root = pathlib.Path("/Volumes")
        where = pathlib.Path(copy.path)
        real = self.shared.volumes / where.relative_to(root)
        if real.is_file():
            return [str(where)]
        names = [p.relative_to(real) for p in sorted(real.rglob("*")) if p.is_file()]
        if copy.files:
            names = [pathlib.Path(name) for name in copy.files]
        elif copy.pattern:
            names = [name for name in names if fnmatch.fnmatch(str(name), copy.pattern)]
        return [str(where / name) for name in names]

    def _copy_into(self, copy):
        target = dialect.quote(*copy.target)
        detail = super().sql(f"DESCRIBE DETAIL {target}").select("id").collect()[0][0]
        with self.shared.lock:
            known = set(self.shared.copied.get(detail, ()))
        files = self._copy_files(copy)
        if str(copy.copy_options.get("force", "")).lower() != "true":
            files = [name for name in files if name not in known]
        counts = [0, 0, 0]
        if files:
            frame = self.read.format(copy.format).options(**copy.format_options).load(files)
            view = dialect.quote(self._view(frame))
            query = view.join(copy.query) if copy.query else f"SELECT * FROM {view}"
            result = super().sql(f"INSERT INTO {target} BY NAME {query}")
            counts[0] = counts[1] = self._inserted(result)
            with self.shared.lock:
                self.shared.copied.setdefault(detail, set()).update(files)
        names = ("num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files")
        return super().sql("SELECT " + ", ".join(f"{count}L AS {name}" for count, name in zip(counts, names)))

    def _inserted(self, frame):
        return inserted_rows(self.written(frame), self.conf.get(USER_METADATA, None))


USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def inserted_rows(table, mark):
    """The rows that the commit with this mark wrote, out of the table's own log; 0 where there is no such commit."""
    commits = [path for path in (table / "_delta_log").glob("*.json") if path.stem.isdigit()]
    for commit in sorted(commits, reverse=True)[:200]:
        for line in commit.read_text(encoding="utf-8").splitlines():
            info = json.loads(line).get("commitInfo")
            if info and (mark is None or info.get("userMetadata") == mark):
                return int(info.get("operationMetrics", {}).get("numOutputRows", 0))
    return 0
