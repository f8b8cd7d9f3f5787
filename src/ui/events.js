// SPDX-License-Identifier: MIT
// What happens on all daemons of this Redis: the last events, and those to come as they come.

import {ADMIN, call, query} from "/ui/api.js";
import {remember} from "/ui/app.js";
import {badge, el, field, fill, say} from "/ui/dom.js";
import {clock, count, many} from "/ui/format.js";
import {state_badge, verdict} from "/ui/operations_parts.js";

const kinds = ["invalidation", "warm", "alert", "breaker", "config", "pause", "gap"];
const most_shown = 500, first_page = 100;

const operation = (data) => data.operation_id &&
  el("a", {href: "#/operations?id=" + encodeURIComponent(data.operation_id)}, "operation");
const by = ({by: name, note}) => [name && " by " + name, note && ": " + note];

// One sentence an event.
const sentences = {
  invalidation: (data) => [state_badge(data.state), " ", (data.kinds || []).join(", "), by(data), ". ", verdict(data), " ", operation(data)],
  warm: (data) => [state_badge(data.state), " ", data.job, by(data),
    data.rows !== undefined && data.rows !== null && `. ${many(data.rows, "row")}, ${count(data.stored)} stored`,
    data.error && ". " + (data.error.detail || data.error), " ", operation(data)],
  alert: (data) => [badge(data.state, data.state === "firing" ? "bad" : "good"), " ", data.alert, ` (${data.metric}: ${data.value}, threshold ${data.threshold})`],
  breaker: (data) => [badge(data.state, data.state === "open" ? "bad" : "good"), " the breaker of ", data.of, " ", data.subject],
  config: (data) => [badge(data.state, data.state === "loaded" ? "good" : "bad"), " the configuration"],
  pause: (data) => [badge(data.paused ? "paused" : "resumed", "warning"), " ", data.what, by(data)],
  gap: (data) => [badge(data.reason, "warning"), " ", data.detail || "events may be missing here"],
};

function line({event, data}) {
  const words = sentences[event];
  return el("li", {"data-event": event},
    el("time", {datetime: data.time, title: data.time}, clock(data.time)), " ",
    el("b", {}, event), " ", words ? words(data) : JSON.stringify(data), " ", el("span.note", {}, data.name));
}

export async function render(root, params, signal) {
  const kind = field("Events", "select", {onchange: choose}, null,
    ["", ...kinds].map((name) => el("option", {value: name, selected: name === params.get("event")}, name || "all")));
  const list = el("ol.events"), state = el("p.note", {"aria-live": "polite"});
  const seen = new Set(); // ids: after a reconnect an event can come a second time
  fill(root, kind.node, state, list);

  const wanted = (event) => !kind.control.value || kind.control.value === event || event === "gap";

  function put(item, where) {
    if (seen.has(item.id) || !wanted(item.event)) return;
    if (item.id) seen.add(item.id);
    list[where](line(item));
    while (list.childElementCount > most_shown) list.lastElementChild.remove();
  }

  async function past() {
    const answer = await call("GET", ADMIN + "/events" + query({event: kind.control.value, limit: first_page}),
      {signal, headers: {Accept: "application/json"}});
    if (answer.ok) for (const item of (await answer.json()).items) put(item, "append");
  }

  function choose() {
    remember({event: kind.control.value});
    seen.clear();
    fill(list);
    past();
  }

  function follow() {
    const stream = new EventSource(ADMIN + "/events");
    stream.onopen = () => fill(state, "Live: events appear as they happen.");
    stream.onerror = () => {
      fill(state, "The stream has ended; the page tries to open it again.");
      // A refusal ends an EventSource for good.
      if (stream.readyState === EventSource.CLOSED && !signal.aborted) setTimeout(() => signal.aborted || follow(), 5000);
    };
    for (const event of kinds)
      stream.addEventListener(event, (message) => {
        const data = JSON.parse(message.data);
        put({id: message.lastEventId, event, data}, "prepend");
        if (event === "gap") say("Events may be missing.");
      });
    signal.addEventListener("abort", () => stream.close());
  }

  await past();
  follow();
}
