/* SPDX-License-Identifier: MIT */
#include "watch/latency_table.h"

#include "../unit.h"
#include "value.h"

START_TEST(histograms_of_servers_are_added_up)
{
	struct latency_table table = {0};

	latency_table_add(
		&table, LIST(TEXT("get"),
				LIST(TEXT("calls"), NUMBER(10), TEXT("histogram_usec"),
					LIST(NUMBER(1), NUMBER(5), NUMBER(4), NUMBER(10))),
				TEXT("set"),
				LIST(TEXT("calls"), NUMBER(100), TEXT("histogram_usec"),
					LIST(NUMBER(2), NUMBER(100)))));
	latency_table_add(&table,
		LIST(TEXT("get"), LIST(TEXT("calls"), NUMBER(90), TEXT("histogram_usec"),
					  LIST(NUMBER(2), NUMBER(89), NUMBER(4096), NUMBER(90)))));
	latency_table_sort(&table);
	ck_assert_uint_eq(table.count, 2);
	const struct latency_row *get = &table.rows[0];

	ck_assert_str_eq(get->name, "get");
	ck_assert_int_eq(get->calls, 100);
	ck_assert_uint_eq(get->buckets, 4);
	ck_assert_int_eq(latency_quantile_us(get, 0.05), 1);
	ck_assert_int_eq(latency_quantile_us(get, 0.5), 2);
	ck_assert_int_eq(latency_quantile_us(get, 0.99), 4);
	ck_assert_int_eq(latency_quantile_us(get, 1), 4096);
	latency_table_release(&table);
}
END_TEST

START_TEST(what_is_no_histogram_is_ignored)
{
	struct latency_table table = {0};

	latency_table_add(&table, TEXT("x"));
	latency_table_add(&table, LIST(TEXT("get")));
	latency_table_add(&table, LIST(TEXT("get"), NUMBER(1)));
	latency_table_add(&table, LIST(NUMBER(1), LIST(TEXT("calls"), NUMBER(1))));
	ck_assert_uint_eq(table.count, 0);
	latency_table_add(
		&table, LIST(TEXT("get"), LIST(TEXT("calls"), NUMBER(-5), TEXT("histogram_usec"),
						  LIST(NUMBER(4), NUMBER(9), NUMBER(8), NUMBER(3),
							  TEXT("a"), NUMBER(1)))));
	ck_assert_int_eq(table.rows[0].calls, 0);
	ck_assert_int_eq(latency_quantile_us(&table.rows[0], 0.99), 4);
	ck_assert_int_eq(latency_quantile_us(&(struct latency_row){.calls = 4}, 0.5), -1);
	latency_table_release(&table);
}
END_TEST

START_TEST(rows_and_buckets_are_bounded)
{
	struct latency_table table = {0};

	for (int64_t i = 0; i < 200; i++)
		latency_table_add(&table, LIST(TEXT("get"), LIST(TEXT("histogram_usec"),
								    LIST(NUMBER(i), NUMBER(1)))));
	ck_assert_uint_eq(table.rows[0].buckets, LATENCY_BUCKETS);
	for (int a = '!'; a < '~'; a++)
		for (int b = '!'; b < '~'; b++) {
			char name[] = {(char)a, (char)b};
			struct redis_value text = {
				.type = REDIS_STRING, .text = {name, sizeof name}};

			latency_table_add(&table, LIST(&text, LIST(TEXT("calls"), NUMBER(1))));
		}
	ck_assert_uint_eq(table.count, LATENCY_COMMANDS);
	latency_table_release(&table);
}
END_TEST

TEST_SUITE("latency_table", histograms_of_servers_are_added_up, what_is_no_histogram_is_ignored,
	rows_and_buckets_are_bounded)
