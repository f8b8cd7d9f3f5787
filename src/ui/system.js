// SPDX-License-Identifier: MIT
// The daemon itself: pauses, doctor, rules of alerts, configuration, reload.

import {ADMIN, can, get, post} from "/ui/api.js";
import {attempt} from "/ui/app.js";
import {badge, button, el, field, fill, say, table} from "/ui/dom.js";
import {ago} from "/ui/format.js";

function pauses(signal) {
  const node = el("section"), message = el("div");
  const life = field("For", "select", {}, null, [["10 minutes", 600], ["1 hour", 3600], ["8 hours", 28800]]
    .map(([label, value]) => el("option", {value}, label)));
  const note = field("Note", "input", {maxlength: 200});

  async function change(path, body) {
    await attempt(message, async () => {
      await post(ADMIN + path, body);
      fill(message);
      await write();
    });
  }

  async function write() {
    const {paused} = await get(ADMIN + "/pause", {signal});
    fill(node, el("h2", {}, "Pauses"),
      table("What can be paused, on all daemons of this Redis", [
        {head: "What", cell: ([what]) => what},
        {head: "State", cell: ([, state]) => state ? [badge("paused", "warning"), ` by ${state.by}, ends ${ago(state.until)}`, state.note && `: ${state.note}`] : "running"},
        {head: "Action", cell: ([what, state]) => can("operate") && (state
          ? button("Resume", () => change("/resume", {what: [what]}), {"aria-label": "Resume " + what})
          : button("Pause", () => change("/pause", {what: [what], for: Number(life.control.value), note: note.control.value}), {"aria-label": "Pause " + what}))},
      ], Object.entries(paused)),
      can("operate") && el("form.row", {onsubmit: (event) => event.preventDefault()}, life.node, note.node), message);
  }
  return {node, write};
}

const severities = {error: "bad", warning: "warning", hint: "quiet"};

function doctor() {
  const result = el("div", {"aria-live": "polite"});
  async function examine() {
    fill(result, el("p", {}, "Examining …"));
    await attempt(result, async () => {
      const found = await get(ADMIN + "/doctor");
      fill(result, el("p.verdict", {"data-kind": found.ok ? "good" : "bad"}, found.ok ? "There are no errors." : "There are errors to fix."),
        table("Findings", [
          {head: "Severity", cell: (row) => badge(row.severity, severities[row.severity])},
          {head: "Subject", cell: (row) => row.subject},
          {head: "What", cell: (row) => row.detail},
          {head: "How to fix it", cell: (row) => row.fix ? el("code", {}, row.fix) : "–"},
        ], found.findings),
        found.acl && el("details", {}, el("summary", {}, "The least ACL line for this configuration"), el("pre", {}, found.acl)));
    });
  }
  return el("section", {}, el("h2", {}, "Doctor"), el("p", {}, "Checks Redis and the configuration, and says how to fix what is wrong."),
    button("Examine", examine), result);
}

function configuration(signal) {
  const text = el("pre"), message = el("div", {"aria-live": "polite"});
  async function show(event) {
    if (event.target.open) await attempt(message, async () => {
      text.textContent = JSON.stringify(await get(ADMIN + "/config", {signal}), null, 2);
    });
  }
  async function reload() {
    await attempt(message, async () => {
      await post(ADMIN + "/reload");
      fill(message);
      say("The configuration has been reloaded.");
    });
  }
  return el("section", {}, el("h2", {}, "Configuration"),
    can("admin") && el("details", {ontoggle: show}, el("summary", {}, "In force, without secrets"), text),
    can("operate") && button("Reload", reload), message);
}

const alert_columns = [
  {head: "Alert", cell: (row) => row.alert},
  {head: "State", cell: (row) => badge(row.state, row.state === "firing" ? "bad" : row.state === "pending" ? "warning" : "quiet")},
  {head: "Fires", cell: (row) => el("code", {}, `${row.metric} ${row.fires} ${row.threshold}`)},
  {head: "Value", number: true, cell: (row) => row.value === null ? "–" : Number(row.value.toPrecision(4))},
  {head: "Why unknown", cell: (row) => row.reason || ""},
];

export async function render(root, _params, signal) {
  const held = pauses(signal), rules = el("section");
  fill(root, held.node, rules, can("admin") && doctor(), (can("operate") || can("admin")) && configuration(signal));
  await attempt(held.node, held.write);
  await attempt(rules, async () => {
    const {items} = await get(ADMIN + "/alerts", {signal});
    fill(rules, el("h2", {}, "Alerts"), table("Rules", alert_columns, items));
  });
}
