// SPDX-License-Identifier: MIT
// Loaders: what they have given, their last errors, and the breakers of their sources.

import {ADMIN, get} from "/ui/api.js";
import {every} from "/ui/app.js";
import {el, fill, table} from "/ui/dom.js";
import {ago, count} from "/ui/format.js";

// An error is text, or an object with a time and a detail.
function error_of(error) {
  if (!error) return "–";
  return typeof error === "string" ? error : [error.detail, error.time && ` (${ago(error.time)})`];
}

function text_of(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return count(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export async function render(root, _params, signal) {
  const list = el("div");
  fill(root, list);
  await every(3000, signal, async () => {
    const answer = await get(ADMIN + "/loaders", {signal});
    const rows = answer.items || answer.loaders || [];
    const more = [...new Set(rows.flatMap(Object.keys))].filter((name) => !["name", "last_error"].includes(name));
    fill(list, table("Loaders", [
      {head: "Loader", cell: (row) => row.name},
      ...more.map((name) => ({head: name.replaceAll("_", " "), cell: (row) => text_of(row[name])})),
      {head: "Last error", cell: (row) => error_of(row.last_error)},
    ], rows, "No loaders are configured: docs/config.md describes loaders."));
  });
}
