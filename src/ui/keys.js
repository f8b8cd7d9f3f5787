// SPDX-License-Identifier: MIT
// Keys: search, what one holds, what can invalidate it, delete, set its TTL.

import {ADMIN, CACHE, call, can, get, json, path_of, post, query} from "/ui/api.js";
import {attempt, remember} from "/ui/app.js";
import {badge, button, confirmed, el, field, fill, pairs, say, table} from "/ui/dom.js";
import {ago, bytes, count, ttl} from "/ui/format.js";

const page = 100, most_shown = 5000, most_text = 16384;

// A name is text, or base64url where it is not UTF-8.
const address_of = ({key, key_encoding: encoding}) =>
  ({path: path_of(key), encoding: encoding === "base64url" ? encoding : null});

async function value_of(at, signal) {
  const answer = await call("GET", CACHE + "/keys" + at.path + query({key_encoding: at.encoding}), {signal});
  if (answer.status === 404) return "Nothing is stored.";
  if (!answer.ok) return (await answer.json()).detail;
  const body = await answer.arrayBuffer();
  const part = body.slice(0, most_text);
  let text;
  try {
    text = new TextDecoder("utf-8", {fatal: true}).decode(part, {stream: true});
  } catch {
    text = [...new Uint8Array(part.slice(0, 256))].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }
  return text + (body.byteLength > most_text ? `\n… (${bytes(body.byteLength)} in all)` : "");
}

function names(title, list, to) {
  return [title, list === null ? "cannot be read" : list.length
    ? el("ul.names", {}, list.map((name) => el("li", {}, el("a", {href: to(name)}, name)))) : "none"];
}

const to_key = (name) => "#/keys?key=" + encodeURIComponent(name);
const to_tag = (name) => "#/tags?tag=" + encodeURIComponent(name);

const modes = {hard: ", removed", soft: ", made stale", spread: ", to expire little by little"};

function explanation(found) {
  const last = found.last_invalidation;
  return pairs(
    ["Stored", found.exists ? [found.type, ", ", bytes(found.bytes), found.compressed && " compressed", ", ", bytes(found.memory_bytes), " of memory"] : "no"],
    ["TTL", ttl(found.ttl), found.stale && badge("stale", "warning")],
    ["Namespace", found.namespace ? `${found.namespace.prefix} (TTL ${ttl(found.namespace.ttl)})` : "none"],
    ["Protected", found.protected ? "yes: it can be removed only by its exact name, with the scope admin" : "no"],
    names("Tags", found.tags, to_tag),
    names("Dependents", found.dependents, to_key),
    ["Entities", found.entities.length ? found.entities.map(({entity, id}) => `${entity} ${id}`).join(", ") : "none"],
    ["Last invalidation", last ? [`${ago(last.time)}${modes[last.mode] || ""}${last.by ? ", by " + last.by : ""}, with the ${last.kind} `,
      el("code", {}, last.value), last.note && ` (${last.note})`, " ",
      last.operation_id && el("a", {href: "#/operations?id=" + encodeURIComponent(last.operation_id)}, "operation")] : "none in the log"]);
}

export async function render(root, params, signal) {
  const match = field("Pattern", "input", {name: "match", spellcheck: "false", placeholder: "user:*"}, "A glob; leave it empty to list all keys", );
  match.control.value = params.get("match") || "";
  const exact = field("Key", "input", {name: "key", spellcheck: "false"}, "An exact name");
  exact.control.value = params.get("key") || "";
  const list = el("section"), one = el("section", {"aria-live": "polite"});
  let shown = [], cursor = null;

  function write_list() {
    fill(list, table(`Keys: ${count(shown.length)}${cursor ? " so far" : ""}`, [
      {head: "Key", cell: (row) => el("a", {href: "#", onclick: (event) => {
        event.preventDefault();
        look(row);
      }}, row.key)},
      {head: "Encoding", cell: (row) => row.key_encoding === "utf-8" ? null : badge(row.key_encoding, "quiet")},
    ], shown, "No key that was scanned so far matches."),
    cursor && (shown.length < most_shown ? button("Continue", more) : el("p.note", {}, "There are more keys: use a narrower pattern.")));
  }

  // One bounded step of a scan each; steps without a key go on by themselves for a while.
  async function more() {
    await attempt(list, async () => {
      for (let step = 0, had = shown.length; step < 20 && shown.length < had + page; step++) {
        const answer = await get(CACHE + "/keys" + query({match: match.control.value, limit: page, cursor}), {signal});
        shown = shown.concat(answer.items);
        cursor = answer.next;
        if (!cursor) break;
      }
      write_list();
    });
  }

  async function look(row) {
    const at = address_of(row);
    remember({match: match.control.value, key: row.key});
    await attempt(one, async () => {
      const found = await get(ADMIN + "/explain" + at.path + query({key_encoding: at.encoding}), {signal});
      const value = el("pre");
      fill(one, el("h2", {tabindex: -1}, row.key), explanation(found),
        el("details", {ontoggle: async (event) => {
          if (event.target.open) value.textContent = await value_of(at, signal);
        }}, el("summary", {}, "Value"), value),
        can("write") && actions(row, at));
      one.querySelector("h2").focus();
    });
  }

  function actions(row, at) {
    const life = field("New TTL, in seconds", "input", {type: "number", min: 1, required: true});
    return el("form.actions", {onsubmit: (event) => {
      event.preventDefault();
      attempt(one, async () => {
        await post(CACHE + "/keys" + at.path + "/expire" + query({key_encoding: at.encoding}), {ttl: Number(life.control.value)});
        say(`The TTL of ${row.key} has been set.`);
        await look(row);
      });
    }}, life.node, el("button", {}, "Set TTL"),
    button("Delete …", async () => {
      if (!await confirmed("Delete a key", row.key, "Delete")) return;
      await attempt(one, async () => {
        await json("DELETE", CACHE + "/keys" + at.path + query({key_encoding: at.encoding}));
        say(`${row.key} has been deleted.`);
        shown = shown.filter((each) => each !== row);
        write_list();
        await look(row);
      });
    }, {class: "danger"}));
  }

  function search(event) {
    event?.preventDefault();
    shown = [];
    cursor = null;
    remember({match: match.control.value});
    return more();
  }

  fill(root,
    el("form.row", {onsubmit: search}, match.node, el("button.main", {}, "Search")),
    el("form.row", {onsubmit: (event) => {
      event.preventDefault();
      if (exact.control.value) look({key: exact.control.value, key_encoding: "utf-8"});
    }}, exact.node, el("button", {}, "Explain")),
    el("div.split", {}, list, one));
  if (params.has("match")) await search();
  if (params.get("key")) await look({key: params.get("key"), key_encoding: "utf-8"});
}
