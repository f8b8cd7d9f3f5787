/* SPDX-License-Identifier: MIT */
/*
 * Switches between stacks, told to those who watch memory: AddressSanitizer, ThreadSanitizer and
 * valgrind. Does nothing in a build without them. For base/fiber.c only.
 */
#ifndef CW_BASE_FIBER_ANNOUNCE_H
#define CW_BASE_FIBER_ANNOUNCE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id)	   ((void)(id))
#endif

/* The sanitizer learns of a switch before (start) and on the new stack after it (finish). */
static inline void announce_start(void **save_fake_stack, const void *bottom, size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(save_fake_stack, bottom, bytes);
#else
	(void)save_fake_stack, (void)bottom, (void)bytes;
#endif
}

static inline void announce_finish(void *fake_stack, const void **ret_bottom, size_t *ret_bytes)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(fake_stack, ret_bottom, ret_bytes);
#else
	(void)fake_stack, (void)ret_bottom, (void)ret_bytes;
#endif
}

/* ThreadSanitizer wants to know whose stack comes next; for others these do nothing. */
static inline void *tsan_create(void)
{
#if defined(__SANITIZE_THREAD__)
	return __tsan_create_fiber(0);
#else
	return NULL;
#endif
}

static inline void *tsan_current(void)
{
#if defined(__SANITIZE_THREAD__)
	return __tsan_get_current_fiber();
#else
	return NULL;
#endif
}

static inline void tsan_switch(void *to)
{
#if defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(to, 0);
#else
	(void)to;
#endif
}

static inline void tsan_destroy(void *fiber)
{
#if defined(__SANITIZE_THREAD__)
	__tsan_destroy_fiber(fiber);
#else
	(void)fiber;
#endif
}

#endif
