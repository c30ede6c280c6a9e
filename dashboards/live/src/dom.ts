// The least of a view layer: make elements once, set their text when it changes.
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, cls = "", ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  node.append(...children);
  return node;
}
export function text(node: Element, value: string): void {
  if (node.textContent !== value) node.textContent = value;
}
export interface Figure { root: HTMLElement; set(value: string, unit: string, note: string, dim?: boolean): void }

export const COVERED = 95; // percent of time under which a figure is dimmed and says so
export const GUESSED = 1; // percent of estimated energy over which a figure carries ~

// A figure that explains itself: a button, so that keyboard and touch reach it alike.
export function figure(label: string, badge: string, explain: (() => void) | null, cls = "tile"): Figure {
  const value = el("span", "value", "–"), unit = el("span", "unit"), note = el("div", "note");
  const root = el(explain ? "button" : "div", cls, el("div", "label", el("span", "", label), el("span", `badge ${badge}`, badge)), el("div", "big", value, unit), note);
  if (explain) root.addEventListener("click", explain);
  return {
    root,
    set(v, u, n, dim = false) {
      text(value, v);
      text(unit, u);
      text(note, n);
      root.classList.toggle("dim", dim);
    },
  };
}

// A picture and the table behind it, with the button between them.
export function section(title: string, words: [string, string], cls = "chart") {
  const host = el("div", cls), table = el("div", "tablebox"), button = el("button", "toggle", words[0]);
  table.hidden = true;
  table.tabIndex = 0;
  table.setAttribute("role", "region");
  table.setAttribute("aria-label", title);
  const root = el("section", "card", el("header", "", el("h2", "", title), button), host, table);
  const shown = { root, host, table, turn, filled: (): void => undefined };
  button.addEventListener("click", turn);
  function turn(): void {
    table.hidden = !table.hidden;
    host.hidden = !table.hidden;
    button.textContent = words[table.hidden ? 0 : 1];
    shown.filled();
  }
  return shown;
}
// A head stands over its column: to the right where the cells are numbers.
export function grid(head: string[], rows: HTMLElement[]): HTMLElement {
  const numbers = [...(rows[0]?.children ?? [])].map((c) => c.className);
  return el("table", "grid", el("thead", "", el("tr", "", ...head.map((x, i) => el("th", numbers[i] ?? "", x)))), el("tbody", "", ...rows));
}
// Whoever reads keeps their place, what they unfolded, and their focus, while it is renewed.
export function keepingPlace(root: HTMLElement, renew: () => void): void {
  const boxes = () => [...root.querySelectorAll<HTMLElement>(".tablebox")];
  const places = boxes().map((b) => [b.scrollLeft, b.scrollTop, b === document.activeElement] as const);
  const unfolded = [...root.querySelectorAll<HTMLDetailsElement>("details[open][id]")].map((d) => d.id), focused = root.contains(document.activeElement) ? document.activeElement!.id : "";
  renew();
  boxes().forEach((b, i) => {
    const [left, top, reading] = places[i] ?? [0, 0, false];
    b.scrollTo(left, top);
    if (reading) b.focus({ preventScroll: true });
  });
  for (const id of unfolded) (document.getElementById(id) as HTMLDetailsElement | null)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
// Draws anew only when what is shown has changed.
export function renewing(root: HTMLElement): (shown: unknown, make: () => (Node | string)[]) => void {
  let last = "";
  return (shown, make) => {
    const next = JSON.stringify(shown);
    if (next === last) return;
    last = next;
    keepingPlace(root, () => root.replaceChildren(...make()));
  };
}
export function anchor(label: string, path: string, cls = "", id = ""): HTMLAnchorElement {
  return Object.assign(el("a", cls, label), { href: path }, id ? { id } : {});
}
// A table that can be scrolled by keyboard.
export function scrolled(title: string, head: string[], rows: HTMLElement[], cls = ""): HTMLElement {
  const box = el("div", `tablebox ${cls}`.trim(), grid(head, rows));
  return Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: title });
}
export const row = (...cells: (string | Node)[]): HTMLElement => el("tr", "", ...cells.map((c) => el("td", "", c)));
export const numbers = (...cells: string[]): HTMLElement[] => cells.map((c) => el("td", "n", c));
