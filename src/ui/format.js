// SPDX-License-Identifier: MIT
// Figures, times and durations as people read them. What is not known is a dash.

const unknown = "–";

export function count(n) {
  return n === null || n === undefined ? unknown : Math.round(n).toLocaleString("en");
}

// "1 key", "2,000 keys"
export function many(n, one) {
  return count(n) + " " + one + (n === 1 ? "" : "s");
}

export function rate(n) {
  if (n === null || n === undefined) return unknown;
  return n.toLocaleString("en", {maximumFractionDigits: n < 10 ? 1 : 0});
}

export function percent(ratio, digits = 1) {
  return ratio === null || ratio === undefined ? unknown : (ratio * 100).toFixed(digits) + " %";
}

export function bytes(n) {
  if (n === null || n === undefined) return unknown;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return n.toFixed(i && n < 100 ? 1 : 0) + " " + units[i];
}

export function millis(ms) {
  if (ms === null || ms === undefined) return unknown;
  if (ms > 0 && ms < 0.1) return (ms * 1000).toFixed(ms < 0.01 ? 1 : 0) + " µs";
  return ms < 1000 ? ms.toFixed(ms < 10 ? 2 : 0) + " ms" : seconds(ms / 1000);
}

export function seconds(s) {
  if (s === null || s === undefined) return unknown;
  if (s < 60) return s.toFixed(s < 10 && s % 1 ? 1 : 0) + " s";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => s >= size);
  return units.slice(first, first + 2)
    .map(([name, size], i) => [Math.floor(i ? (s % units[first][1]) / size : s / size), name])
    .filter(([n]) => n).map(([n, name]) => n + " " + name).join(" ");
}

export function ttl(s) {
  return s === -1 ? "no expiry" : s === -2 ? "not stored" : seconds(s);
}

export function ago(time) {
  if (!time) return unknown;
  const s = (Date.now() - Date.parse(time)) / 1000;
  if (Math.abs(s) < 1) return "now";
  return s < 0 ? "in " + seconds(Math.ceil(-s)) : seconds(Math.floor(s)) + " ago";
}

export function clock(time) {
  return time ? new Date(time).toLocaleString() : unknown;
}
