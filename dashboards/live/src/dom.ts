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

// A figure that explains itself: a button, so that keyboard and touch reach it alike.
export function figure(label: string, badge: string, explain: (() => void) | null, cls = "tile"): Figure {
  const value = el("span", "value"), unit = el("span", "unit"), note = el("div", "note");
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
