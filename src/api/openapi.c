/* SPDX-License-Identifier: MIT */
/* GET /openapi.yaml: docs/openapi.yaml, which lint compares with the table of routes. */
#include "api/handlers.h"
#include "base/embed.h"

EMBED(openapi, "docs/openapi.yaml");

void api_openapi(struct request *request, void *context)
{
	(void)context;
	reply_bytes(request, 200, "application/yaml", EMBEDDED(openapi));
}
