/* SPDX-License-Identifier: MIT */
/*
 * Slots: which of the 16,384 parts of a Redis Cluster a key belongs to, by the Redis Cluster
 * Specification ("Key distribution model" and "Hash tags"): CRC16 (XMODEM: polynomial 0x1021,
 * begins with 0) modulo 16,384, of what is between the first { and the first } after it, where that
 * is not empty; else of the whole key.
 */
#ifndef CW_STORE_SLOT_H
#define CW_STORE_SLOT_H

#include "base/slice.h"

enum { SLOT_COUNT = 16384 };

/* 0 to SLOT_COUNT - 1. */
unsigned slot_of(struct slice key);
/*
 * The smallest number n for which a key with "{n}" in front is in this slot, so that a key of our
 * own can be put beside another. The first call makes the table of all, in milliseconds; it never
 * changes afterwards. Any thread.
 */
unsigned slot_number(unsigned slot);

#endif
