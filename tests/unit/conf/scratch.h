/* SPDX-License-Identifier: MIT */
/* A temporary folder of configuration files, and what conf_load() says about them. */
#ifndef CW_TESTS_CONF_SCRATCH_H
#define CW_TESTS_CONF_SCRATCH_H

#include "conf/conf.h"

struct scratch {
	char folder[64];
	struct buf path;   /* of the file written last */
	struct buf faults; /* of the last load, the folder's name left out of them */
	struct conf *conf; /* of the last load; NULL where it failed */
};

/* Also takes the variables that conf reads out of this process's environment. */
void scratch_begin(struct scratch *s);
void scratch_end(struct scratch *s);
/* Writes a file of mode 0600; `name` may begin with one folder, which is made. */
void scratch_write(struct scratch *s, const char *name, const char *text);
void scratch_write_bytes(struct scratch *s, const char *name, struct slice bytes);
/* Loads the file written before as "c.yaml". */
enum error scratch_load(struct scratch *s);
/* Writes c.yaml and loads it; fails the test where it is not accepted. */
const struct conf *scratch_good(struct scratch *s, const char *text);
/* Writes c.yaml and loads it; fails the test unless the faults are exactly these. */
void scratch_bad(struct scratch *s, const char *text, const char *faults);

struct scratch_fault {
	const char *text, *faults;
};

/* scratch_bad() for each row of a table. */
void scratch_faults(const struct scratch_fault *rows, size_t count);

#define SCRATCH_FAULTS(rows) scratch_faults(rows, sizeof rows / sizeof *rows)

#endif
