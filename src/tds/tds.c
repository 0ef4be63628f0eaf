#include "tds/tds.h"

#include "tds/packet.h"
#include "tds/stream.h"
#include "tds/tls.h"
#include "tds/typeinfo.h"
#include "tds/wire.h"
