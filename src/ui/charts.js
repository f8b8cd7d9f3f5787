// SPDX-License-Identifier: MIT
// Figures over time, drawn by dygraphs. A gap in the figures is a gap in the line.

import {el, fill} from "/ui/dom.js";
import {bytes} from "/ui/format.js";

const colours = ["#1f6feb", "#d29922", "#2da44e", "#cf222e"];

// Its own legend measures a letter with an inline style, which the page's policy refuses; ours is below.
function without_legend() {
  return window.Dygraph.PLUGINS.filter((plugin) => plugin !== window.Dygraph.Plugins.Legend);
}

// A chart of `series` ([{name, label}]) of stats' history; format: a value -> its text.
export function chart(title, series, format) {
  const legend = el("p.legend");
  const canvas = el("div.canvas", {role: "img", "aria-label": title});
  const node = el("figure", {}, el("figcaption", {}, title), canvas, legend);
  let graph = null;

  function write_legend(values) {
    fill(legend, series.map(({label}, i) =>
      el("span", {}, el("i", {class: "colour-" + i}), label, " ", el("b", {}, values[i] === null ? "–" : format(values[i])))));
  }

  function last(rows) {
    return series.map((_, i) => {
      const row = rows.findLast((each) => each[i + 1] !== null);
      return row ? row[i + 1] : null;
    });
  }

  function describe(rows) {
    const values = last(rows);
    write_legend(values);
    canvas.setAttribute("aria-label", title + ": " + series.map(({label}, i) =>
      label + " " + (values[i] === null ? "not known" : format(values[i]))).join(", "));
  }

  // history: the member `history` of stats
  function update(history) {
    const start = Date.parse(history.start), step = history.step_seconds * 1000;
    const columns = series.map(({name}) => history.series[name] || []);
    const rows = (columns[0] || []).map((_, i) =>
      [new Date(start + i * step), ...columns.map((column) => column[i] ?? null)]);
    if (!rows.length || !window.Dygraph) return;
    describe(rows);
    if (graph) graph.updateOptions({file: rows});
    else graph = draw(rows);
  }

  function draw(rows) {
    const style = getComputedStyle(document.body);
    window.Dygraph.PLUGINS = without_legend();
    return new window.Dygraph(canvas, rows, {
      labels: ["time", ...series.map(({label}) => label)],
      colors: colours, strokeWidth: 1.5, fillGraph: series.length === 1, fillAlpha: 0.12,
      axisLabelFontSize: 11, gridLineColor: style.getPropertyValue("--line"), axisLineColor: style.getPropertyValue("--line"),
      labelsKMG2: format === bytes, includeZero: true, connectSeparatedPoints: false, highlightCircleSize: 3,
      axes: {y: {axisLabelFormatter: format, axisLabelWidth: 62}},
      highlightCallback: (_event, _x, points) =>
        write_legend(series.map(({label}) => points.find((point) => point.name === label)?.yval ?? null)),
      unhighlightCallback: () => graph && describe(graph.file_),
    });
  }

  // A column of the page may become narrower or wider by itself.
  const watch = new ResizeObserver(() => graph && graph.resize());
  watch.observe(canvas);

  function close() {
    watch.disconnect();
    if (graph) graph.destroy();
  }

  return {node, update, close};
}
