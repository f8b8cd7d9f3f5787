// SPDX-License-Identifier: MIT
// Tags with their members, and the dependents of a key as a small tree.

import {ADMIN, can, get, path_of, query} from "/ui/api.js";
import {attempt, remember} from "/ui/app.js";
import {badge, button, el, field, fill, table} from "/ui/dom.js";
import {ago, count} from "/ui/format.js";

const page = 100, most_steps = 4;

const to_key = (name) => el("a", {href: "#/keys?key=" + encodeURIComponent(name)}, name);

// What goes with a key, step by step; a name that is above already is not followed again.
async function tree(name, above, signal) {
  const found = await get(ADMIN + "/dependencies" + path_of(name), {signal});
  const below = [];
  for (const each of found.dependents.slice(0, 20)) {
    const seen = above.includes(each) || each === name;
    below.push(el("li", {}, to_key(each), seen && " (a cycle, harmless)",
      !seen && above.length < most_steps && await tree(each, [...above, name], signal)));
  }
  for (const pattern of found.patterns || []) below.push(el("li", {}, el("code", {}, pattern), " ", badge("pattern", "quiet")));
  if (found.dependents.length > 20) below.push(el("li", {}, `and ${count(found.dependents.length - 20)} more`));
  return below.length > 0 && el("ul", {}, below);
}

export async function render(root, params, signal) {
  const tags = el("section"), members = el("section", {"aria-live": "polite"}), graph = el("section", {"aria-live": "polite"});
  const key = field("Key", "input", {spellcheck: "false"}, "Shows what is invalidated together with it");
  key.control.value = params.get("key") || "";
  let rows = [], next = null;

  async function more_tags() {
    await attempt(tags, async () => {
      const answer = await get(ADMIN + "/tags" + query({limit: page, cursor: next}), {signal});
      rows = rows.concat(answer.items);
      next = answer.next;
      fill(tags, table(`Tags${answer.walk ? ", found " + ago(answer.walk.ended) : ""}`, [
        {head: "Tag", cell: (row) => el("a", {href: "#/tags?tag=" + encodeURIComponent(row.tag)}, row.tag)},
        {head: "Members", number: true, cell: (row) => count(row.members)},
        {head: "Keys gone", number: true, cell: (row) => count(row.stale)},
      ], rows, answer.walk ? "No tags are in use." : "The first walk has not ended yet: it begins a minute after the start."),
      el("p.note", {}, "Keys gone: members whose keys were removed, have expired or were evicted. They are not stale values, and are cleared away by themselves."),
      next && button("More", more_tags));
    });
  }

  async function show_members(tag) {
    let list = [], cursor = null;
    async function more() {
      const answer = await get(ADMIN + "/tags" + path_of(tag) + query({limit: page, cursor}), {signal});
      list = list.concat(answer.items);
      cursor = answer.next;
      fill(members, table(`Members of ${tag}: ${count(answer.members)}`, [
        {head: "Key", cell: (row) => to_key(row.key)},
        {head: "Exists", cell: (row) => row.exists ? "yes" : badge("no", "quiet")},
        {head: "Expiry noted with the tag", cell: (row) => row.expires ? ago(row.expires) : "–"},
      ], list),
      el("p.note", {}, "The noted expiry is of the time when the key got the tag: the key's own TTL is shown with the key."),
      cursor && button("More", more),
      can("invalidate") && el("a.button", {href: "#/invalidate?tags=" + encodeURIComponent(tag)}, "Invalidate this tag …"));
    }
    await attempt(members, more);
  }

  async function show_graph(event) {
    event?.preventDefault();
    const name = key.control.value;
    if (!name) return;
    remember({key: name});
    await attempt(graph, async () =>
      fill(graph, el("h2", {}, "Invalidated with ", el("code", {}, name)), await tree(name, [], signal) || el("p", {}, "Nothing.")));
  }

  fill(root, el("form.row", {onsubmit: show_graph}, key.node, el("button", {}, "Show dependents")), graph,
    el("div.split", {}, tags, members));
  await more_tags();
  if (params.get("tag")) await show_members(params.get("tag"));
  if (params.get("key")) await show_graph();
}
