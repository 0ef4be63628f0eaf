#include "databricks/databricks.h"
