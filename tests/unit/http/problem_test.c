/* SPDX-License-Identifier: MIT */
#include "http/problem.h"
#include "text/json.h"

#include "../unit.h"

static const char *text_at(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	ck_assert_msg(cJSON_IsString(member), "no text %s", name);
	return member->valuestring;
}

static cJSON *render(const struct fault *fault, const cJSON *extra)
{
	struct buf text = {0};
	struct fault parse_fault;
	cJSON *object = NULL;

	problem_render(fault, "id-1", extra, &text);
	ck_assert_msg(json_parse_object(buf_slice(&text), &object, &parse_fault) == OK, "%s: %s",
		parse_fault.detail, text.p);
	buf_release(&text);
	return object;
}

START_TEST(a_fault_becomes_the_members_of_the_contract)
{
	struct fault fault;
	cJSON *object;

	fault_set(&fault, ERR_UNKNOWN_JOB, "no job \"%s\"", "a\n\xff");
	object = render(&fault, NULL);
	ck_assert_str_eq(text_at(object, "type"), "about:blank");
	ck_assert_str_eq(text_at(object, "title"), error_title(ERR_UNKNOWN_JOB));
	ck_assert_str_eq(text_at(object, "code"), "unknown_job");
	ck_assert_str_eq(text_at(object, "request_id"), "id-1");
	ck_assert_str_eq(text_at(object, "detail"), "no job \"a\n\xef\xbf\xbd\"");
	ck_assert_int_eq(cJSON_GetObjectItem(object, "status")->valueint, 404);
	ck_assert_ptr_null(cJSON_GetObjectItem(object, "errors"));
	cJSON_Delete(object);
}
END_TEST

START_TEST(pointer_and_further_members_are_shown)
{
	cJSON *extra = cJSON_CreateObject(), *object, *errors;
	struct fault fault;

	cJSON_AddNumberToObject(extra, "matched_at_least", 7);
	fault_at(&fault, ERR_BAD_BODY, "/keys/0", "must be a string");
	object = render(&fault, extra);
	errors = cJSON_GetObjectItem(object, "errors");
	ck_assert_int_eq(cJSON_GetArraySize(errors), 1);
	ck_assert_str_eq(text_at(cJSON_GetArrayItem(errors, 0), "pointer"), "/keys/0");
	ck_assert_str_eq(text_at(cJSON_GetArrayItem(errors, 0), "detail"), "must be a string");
	ck_assert_int_eq(cJSON_GetObjectItem(object, "matched_at_least")->valueint, 7);
	cJSON_Delete(object);
	cJSON_Delete(extra);
}
END_TEST

START_TEST(a_fault_of_the_whole_body_has_the_empty_pointer)
{
	cJSON *extra = cJSON_CreateObject(), *object, *errors;
	struct fault fault;

	fault_set(&fault, ERR_BAD_BODY, "the body selects nothing");
	object = render(&fault, NULL);
	errors = cJSON_GetObjectItem(object, "errors");
	ck_assert_int_eq(cJSON_GetArraySize(errors), 1);
	ck_assert_str_eq(text_at(cJSON_GetArrayItem(errors, 0), "pointer"), "");
	cJSON_Delete(object);
	/* Whoever lists the errors himself is not doubled. */
	cJSON_AddArrayToObject(extra, "errors");
	object = render(&fault, extra);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(object, "errors")), 0);
	cJSON_Delete(object);
	cJSON_Delete(extra);
}
END_TEST

TEST_SUITE("problem", a_fault_becomes_the_members_of_the_contract,
	pointer_and_further_members_are_shown, a_fault_of_the_whole_body_has_the_empty_pointer)
