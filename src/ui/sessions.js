// SPDX-License-Identifier: MIT
// The sessions of a user. Ids are not shown: a ref names a session and opens nothing.

import {get, json, path_of} from "/ui/api.js";
import {attempt, remember} from "/ui/app.js";
import {button, confirmed, el, field, fill, say, table} from "/ui/dom.js";
import {ago, clock} from "/ui/format.js";

export async function render(root, params, signal) {
  const user = field("User", "input", {spellcheck: "false", required: true}, "The user_id of the sessions");
  user.control.value = params.get("user") || "";
  const list = el("section", {"aria-live": "polite"});

  const path = () => "/api/v1/users" + path_of(user.control.value) + "/sessions";

  async function end(where, what) {
    if (!await confirmed("End sessions", what, "End")) return;
    await attempt(list, async () => {
      const {ended} = await json("DELETE", where);
      say(`${ended} sessions have ended.`);
      await show();
    });
  }

  async function show(event) {
    event?.preventDefault();
    if (!user.control.value) return;
    remember({user: user.control.value});
    await attempt(list, async () => {
      const {sessions} = await get(path(), {signal});
      fill(list, table("Sessions", [
        {head: "Ref", cell: (row) => el("code", {}, row.ref)},
        {head: "Created", cell: (row) => el("span", {title: clock(row.created)}, ago(row.created))},
        {head: "Last seen", cell: (row) => ago(row.last_seen)},
        {head: "Expires", cell: (row) => ago(row.expires)},
        {head: "Action", cell: (row) => button("End", () => end(path() + path_of(row.ref), `The session ${row.ref} ends.`), {"aria-label": "End " + row.ref})},
      ], sessions, "This user has no sessions."),
      sessions.length > 0 && button("End all …", () => end(path(), `All sessions of ${user.control.value} end.`), {class: "danger"}));
    });
  }

  fill(root, el("form.row", {onsubmit: show}, user.node, el("button.main", {}, "Show")), list);
  await show();
}
