#include "tds/tds.h"
