/* SPDX-License-Identifier: MIT */
/* A ring of tokens; see confirm.h. */
#include "invalidate/confirm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"

struct confirm {
	char token[CONFIRM_DIGITS + 1];
	uint8_t digest[SHA256_BYTES];
	int64_t until_mono_ms;
};

struct confirms {
	struct confirm *ring;
	size_t count, next;
};

struct confirms *confirms_new(void)
{
	return mem_new(struct confirms);
}

void confirms_free(struct confirms *confirms)
{
	if (!confirms)
		return;
	mem_free(confirms->ring);
	mem_free(confirms);
}

void confirms_issue(struct confirms *confirms, const uint8_t digest[SHA256_BYTES],
	char token[CONFIRM_DIGITS + 1])
{
	uint8_t random[CONFIRM_DIGITS / 2];
	struct buf hex = {0};

	/* The ring grows as it is used, and turns over once it is full. */
	if (confirms->next == confirms->count && confirms->count < CONFIRM_MAX) {
		confirms->ring = mem_grow(confirms->ring, confirms->count, sizeof *confirms->ring);
		confirms->count++;
	}
	crypto_random(random, sizeof random);
	hex_encode(random, sizeof random, &hex);
	struct confirm *at = &confirms->ring[confirms->next];
	memcpy(at->token, hex.p, sizeof at->token);
	memcpy(at->digest, digest, sizeof at->digest);
	at->until_mono_ms = clock_deadline(CONFIRM_MS);
	memcpy(token, at->token, sizeof at->token);
	confirms->next = (confirms->next + 1) % CONFIRM_MAX;
	buf_release(&hex);
}

bool confirms_valid(
	const struct confirms *confirms, const char *token, const uint8_t digest[SHA256_BYTES])
{
	int64_t now = clock_mono_ms();

	if (strlen(token) != CONFIRM_DIGITS)
		return false;
	for (size_t i = 0; i < confirms->count; i++) {
		const struct confirm *at = &confirms->ring[i];

		if (crypto_equal(at->token, token, CONFIRM_DIGITS))
			return now < at->until_mono_ms &&
			       memcmp(at->digest, digest, SHA256_BYTES) == 0;
	}
	return false;
}

/* One selector as text: what it is, of which entity, its bytes. */
static struct slice spell(struct arena *texts, char kind, const char *of, struct slice value)
{
	struct buf text = {0};

	buf_printf(&text, "%c%s:%zu:", kind, of, value.n);
	buf_add(&text, value);
	struct slice spelt = arena_slice(texts, buf_slice(&text));
	buf_release(&text);
	return spelt;
}

static size_t selector_count(const struct invalidation *asked)
{
	size_t count = asked->key_count + asked->pattern_count + asked->tag_count +
		       asked->dependents_count;

	for (size_t i = 0; i < asked->entity_count; i++)
		count += asked->entities[i].count;
	return count;
}

static struct slice *spell_all(struct arena *texts, const struct invalidation *asked, size_t count)
{
	struct slice *all = arena_alloc(texts, count * sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < asked->key_count; i++)
		all[n++] = spell(texts, 'k', "", asked->keys[i]);
	for (size_t i = 0; i < asked->pattern_count; i++)
		all[n++] = spell(texts, 'p', "", asked->patterns[i]);
	for (size_t i = 0; i < asked->tag_count; i++)
		all[n++] = spell(texts, 't', "", asked->tags[i]);
	for (size_t i = 0; i < asked->dependents_count; i++)
		all[n++] = spell(texts, 'd', "", asked->dependents_of[i]);
	for (size_t i = 0; i < asked->entity_count; i++)
		for (size_t j = 0; j < asked->entities[i].count; j++)
			all[n++] = spell(texts, 'e', asked->entities[i].entity->name,
				asked->entities[i].ids[j]);
	qsort(all, count, sizeof *all, slice_compare_items);
	return all;
}

void confirm_digest(const struct invalidation *asked, uint8_t digest[SHA256_BYTES])
{
	size_t count = selector_count(asked);
	struct arena texts = {0};
	struct slice *all = spell_all(&texts, asked, count);
	struct buf text = {0};

	buf_str(&text, asked->no_cascade ? "alone\n" : "cascade\n");
	if (invalidation_expires(asked))
		buf_printf(&text, "expire %u %lld\n", asked->change.only,
			(long long)asked->change.ttl_ms);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !slice_equal(all[i], all[i - 1]))
			buf_add(&text, all[i]);
	crypto_sha256(buf_slice(&text), digest);
	arena_release(&texts);
	buf_release(&text);
}
