/*
 * ui.h: the files of the dashboard, built into the program (src/api/ui/, made C by ui/embed.py).
 */
#ifndef API_UI_H
#define API_UI_H

#include <stddef.h>

typedef struct ui_asset {
  const char *name; /* "app.js" */
  const char *type;
  const char *etag; /* with its quotes */
  const unsigned char *bytes;
  size_t length;
} ui_asset;

extern const ui_asset ui_assets[];
extern const size_t ui_asset_count;

#endif
