/* SPDX-License-Identifier: MIT */
/*
 * The dashboard: static files, compressed with gzip and compiled in.
 *
 * The files lie beside this header; the charts are those of Debian's libjs-dygraphs. Pages speak to
 * the same HTTP API as everybody else.
 */
#ifndef CW_UI_UI_H
#define CW_UI_UI_H

#include "http/route.h"

struct ui_file {
	const char *name; /* NULL ends the table */
	const char *begin, *end;
};

extern const struct ui_file ui_files[];

/* GET / and GET /ui/{file} */
http_handler ui_page, ui_file;

#endif
