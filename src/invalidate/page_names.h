/* SPDX-License-Identifier: MIT */
/*
 * Which names of one SCAN page are new in it: while Redis grows or shrinks its table, a page may
 * name a key twice, and it must be counted once.
 */
#ifndef CW_INVALIDATE_PAGE_NAMES_H
#define CW_INVALIDATE_PAGE_NAMES_H

#include "base/buf.h"

struct page_names;

/* For up to `count` names, which must outlive it. */
struct page_names *page_names_new(size_t count);
/* True the first time that `name` is given. */
bool page_names_add(struct page_names *names, struct slice name);
void page_names_free(struct page_names *names);
/* Of all the name's bytes. */
uint64_t page_names_hash(struct slice name);

#endif
