// SPDX-License-Identifier: MIT
// Warm jobs: schedule, last verdict, progress, run now.

import {ADMIN, ApiError, can, get, post} from "/ui/api.js";
import {every} from "/ui/app.js";
import {badge, button, el, fill, say, table} from "/ui/dom.js";
import {ago, clock} from "/ui/format.js";
import {cancel, has_ended, may_cancel, progress_bar, run_words, state_badge} from "/ui/operations_parts.js";

async function run(name) {
  try {
    const {runs} = await post(ADMIN + "/warm", {cache_names: [name], wait: 0});
    say(runs[0].already_running ? `${name} is already running.` : `${name} has been started.`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message);
  }
}

function last(job) {
  const operation = job.last_run;
  if (!operation) return "Never.";
  const link = el("a", {href: "#/operations?id=" + encodeURIComponent(operation.operation_id)}, state_badge(operation.state));
  return has_ended(operation)
    ? [link, " ", el("span", {title: clock(operation.finished)}, ago(operation.finished)), el("p.note", {}, run_words(operation))]
    : [link, progress_bar(operation)];
}

export async function render(root, _params, signal) {
  const list = el("div");
  fill(root, el("p", {}, "A job fills the cache from a source: on its schedule, after an event or on request."), list);
  const focused = () => document.activeElement?.dataset.job;

  async function refresh() {
    const {jobs, paused} = await get(ADMIN + "/warm", {signal});
    const at = focused();
    fill(list, paused && el("p.note", {role: "status"}, badge("paused", "warning"),
      ` since ${clock(paused.since)} by ${paused.by}, until ${clock(paused.until)} (${ago(paused.until)})` +
      `${paused.note ? ": " + paused.note : ""}. No run begins until then; those that are due are skipped. `,
      el("a", {href: "#/system"}, "Resume")), table("Jobs", [
      {head: "Job", cell: (job) => [job.name, job.suspended && badge("suspended", "quiet")]},
      {head: "Schedule", cell: (job) => job.schedule || "none"},
      {head: "Next run", cell: (job) => el("span", {title: clock(job.next_run)}, job.next_run ? ago(job.next_run) : "–")},
      {head: "Last run", cell: last},
      {head: "Last success", cell: (job) => el("span", {title: clock(job.last_success)}, ago(job.last_success))},
      {head: "Action", cell: (job) => job.last_run && !has_ended(job.last_run)
        ? may_cancel(job.last_run) && button("Cancel", () => cancel(job.last_run), {"aria-label": "Cancel " + job.name, "data-job": job.name})
        : can("warm") && button("Run now", () => run(job.name).then(refresh), {"aria-label": "Run now: " + job.name, "data-job": job.name})},
    ], jobs, "No warm jobs are configured: docs/config.md describes warm.jobs."));
    // The table is new; what had the focus has it again.
    if (at) list.querySelector(`[data-job="${CSS.escape(at)}"]`)?.focus();
  }

  await every(1000, signal, refresh);
}
