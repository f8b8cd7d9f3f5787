/* SPDX-License-Identifier: MIT */
/*
 * Tells AddressSanitizer, ThreadSanitizer and valgrind about stacks and switches between them. Does
 * nothing in a build without them. For base/fiber.c only.
 */
#ifndef CW_BASE_FIBER_SANITIZER_H
#define CW_BASE_FIBER_SANITIZER_H

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

/* AddressSanitizer: before a switch on the old stack, after it on the new one. */
static inline void fiber_sanitizer_before_switch(
	void **save_fake_stack, const void *bottom, size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(save_fake_stack, bottom, bytes);
#else
	(void)save_fake_stack, (void)bottom, (void)bytes;
#endif
}

static inline void fiber_sanitizer_after_switch(
	void *fake_stack, const void **ret_bottom, size_t *ret_bytes)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(fake_stack, ret_bottom, ret_bytes);
#else
	(void)fake_stack, (void)ret_bottom, (void)ret_bytes;
#endif
}

/* ThreadSanitizer: each fiber is known to it, and named before a switch. */
static inline void *fiber_sanitizer_create(void)
{
#if defined(__SANITIZE_THREAD__)
	return __tsan_create_fiber(0);
#else
	return NULL;
#endif
}

static inline void *fiber_sanitizer_current(void)
{
#if defined(__SANITIZE_THREAD__)
	return __tsan_get_current_fiber();
#else
	return NULL;
#endif
}

static inline void fiber_sanitizer_switch(void *to)
{
#if defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(to, 0);
#else
	(void)to;
#endif
}

static inline void fiber_sanitizer_destroy(void *fiber)
{
#if defined(__SANITIZE_THREAD__)
	__tsan_destroy_fiber(fiber);
#else
	(void)fiber;
#endif
}

#endif
