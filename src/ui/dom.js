// SPDX-License-Identifier: MIT
// Elements. Text from outside enters a page here alone, as text: nothing is ever parsed as HTML.

// el("button.danger", {type: "button", onclick: f}, "Delete", ...): strings become text; null, undefined
// and false are left out.
export function el(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  add(node, children);
  return node;
}

export function add(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : shown(String(child)));
  }
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

// Control bytes and marks that change the direction of text are shown as escapes: a name may hold them.
const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export function shown(text) {
  return text.replace(hidden, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

// columns: [{head, cell: (row) => child, number: true}]
export function table(caption, columns, rows, empty) {
  const body = el("tbody");
  for (const row of rows)
    body.append(el("tr", {}, columns.map((column, i) =>
      el(i === 0 ? "th" : "td", {scope: i === 0 ? "row" : null, class: column.number ? "number" : null},
        column.cell(row)))));
  if (!rows.length)
    body.append(el("tr", {}, el("td.empty", {colspan: columns.length}, empty || "None.")));
  return el("div.scroll", {tabindex: 0, role: "region", "aria-label": caption},
    el("table", {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, columns.map((column) =>
        el("th", {scope: "col", class: column.number ? "number" : null}, column.head)))),
      body));
}

let fields = 0;

// A label with its control, which `attributes` describe; `hint` is read with it.
export function field(label, kind, attributes = {}, hint = null, ...children) {
  const id = "field-" + ++fields;
  const control = el(kind, {id, "aria-describedby": hint ? id + "-hint" : null, ...attributes}, ...children);
  const node = attributes.type === "checkbox"
    ? el("p.field.check", {}, control, el("label", {for: id}, label))
    : el("p.field", {}, el("label", {for: id}, label), control);
  if (hint) node.append(el("span.hint", {id: id + "-hint"}, hint));
  return {node, control};
}

export function button(label, onclick, attributes = {}) {
  return el("button", {type: "button", onclick, ...attributes}, label);
}

export function pairs(...list) {
  return el("dl", {}, list.filter(Boolean).map(([name, ...value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, ...value))));
}

export function badge(text, kind) {
  return el("span.badge", {"data-kind": kind}, text);
}

// What just happened, for screen readers as well.
export function say(text) {
  document.getElementById("said").textContent = shown(text);
}

// Asks in a dialog; true if `action` was chosen. Escape and Cancel are no.
export function confirmed(title, text, action) {
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    fill(dialog,
      el("form", {method: "dialog"},
        el("h2", {id: "dialog-title"}, title),
        el("div", {}, text),
        el("p.actions", {},
          el("button", {value: "no", autofocus: true}, "Cancel"),
          el("button.danger", {value: "yes"}, action))));
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), {once: true});
    dialog.showModal();
  });
}
