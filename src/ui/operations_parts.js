// SPDX-License-Identifier: MIT
// Operations as several views show them: state, progress, verdict.

import {ADMIN, ApiError, can, get, json, path_of, who} from "/ui/api.js";
import {every} from "/ui/app.js";
import {badge, button, confirmed, el, fill, say} from "/ui/dom.js";
import {count, many, rate, seconds} from "/ui/format.js";

const kinds = {completed: "good", partial: "warning", failed: "bad", interrupted: "bad", cancelled: "quiet"};
const ended = new Set(Object.keys(kinds));

export const has_ended = (operation) => ended.has(operation.state);

export function state_badge(state) {
  return badge(state, kinds[state] || "running");
}

export function progress_bar(operation) {
  const {progress = {}} = operation;
  const {done, total, ratio, per_second: speed, eta_seconds: eta} = progress || {};
  const words = [
    done !== null && done !== undefined && count(done) + (total ? " of " + count(total) : ""),
    speed ? rate(speed) + "/s" : null,
    eta ? seconds(eta) + " left" : null,
  ].filter(Boolean).join(", ");
  return el("div.progress", {},
    el("progress", {"aria-label": "Progress", max: 1, value: ratio === null || ratio === undefined ? null : ratio}),
    el("span", {}, [operation.phase, words].filter(Boolean).join(": ")));
}

const reasons = {
  max_keys: "it stopped at max_keys",
  topology_changed: "the topology of Redis changed during the passes; run it again",
  redis_down: "Redis went down; run it again",
  skipped_nodes: "servers that were away were left out; run it again when they are back",
  not_primary: "the server is not a primary",
  redis_noperm: "Redis denies a command to the daemon's user; see the doctor",
  cancelled: "it was cancelled",
  too_many_dependents: "there are more than 10,000 dependents",
  unreadable_dependents: "a set of dependents cannot be read",
  still_matching: "keys still matched after three passes: a client keeps storing them",
};

// The result of an invalidation in words.
export function verdict(result) {
  const gone = result.dry_run ? `Dry run: ${count(result.matched)} ${result.matched === 1 ? "key matches" : "keys match"}` +
      (result.would_change === undefined ? "." : `, the TTL of ${count(result.would_change)} would change.`)
    : result.changed !== undefined ? `The TTL of ${count(result.changed)} of ${many(result.matched, "key")} that matched was changed.`
    : result.softened && !result.invalidated ? `${count(result.softened)} of ${many(result.matched, "key")} that matched became stale.`
    : `${count(result.invalidated)} of ${many(result.matched, "key")} that matched were removed` +
      (result.softened ? `, ${count(result.softened)} became stale` : "") + ".";
  const skipped = result.protected_skipped ? ` ${count(result.protected_skipped)} protected keys were left.` : "";
  if (result.complete) return gone + skipped + (result.dry_run ? "" : " Complete" + (result.invalidated ? ": every key that matched throughout is gone." : "."));
  return gone + skipped + " Not complete: " + (reasons[result.reason] || result.reason || "the reason is not known") + "." +
    (result.nodes ? " Left out: " + result.nodes.join(", ") + "." : "");
}

// A run that is partial because of a few bad rows has no error of its own, but what the first of them lacks.
export function run_words({result, error}) {
  const why = error ? error.detail || error : result?.first_errors?.[0]?.detail;
  if (!result) return why || "";
  const rows = [many(result.rows, "row"), result.stored !== undefined && `${count(result.stored)} stored`,
    result.visited !== undefined && `${count(result.visited)} visited`, result.rejected > 0 && `${count(result.rejected)} rejected`];
  return rows.filter(Boolean).join(", ") + (why ? ". " + why : "");
}

export async function cancel(operation) {
  if (!await confirmed("Cancel the operation", `What the operation (${operation.kind}, by ${operation.by}) has done so far is not undone.`, "Stop the operation"))
    return;
  try {
    await json("DELETE", ADMIN + "/operations" + path_of(operation.operation_id));
    say("The operation is being cancelled.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message);
  }
}

export function may_cancel(operation) {
  return !has_ended(operation) && (can("operate") || operation.by === who().name);
}

// Shows an operation in `node` until it has ended, and returns it.
export function follow(id, node, signal, describe) {
  return new Promise((resolve, reject) => {
    const until = new AbortController();
    signal.addEventListener("abort", () => until.abort());
    every(500, until.signal, async () => {
      try {
        const operation = await get(ADMIN + "/operations" + path_of(id), {signal});
        fill(node, el("p", {}, state_badge(operation.state), " ", has_ended(operation) && describe(operation)),
          !has_ended(operation) && progress_bar(operation),
          may_cancel(operation) && button("Cancel", () => cancel(operation)));
        if (!has_ended(operation)) return;
        until.abort();
        resolve(operation);
      } catch (error) {
        if (error instanceof ApiError && error.status === 0) throw error;
        until.abort();
        reject(error);
      }
    });
  });
}
