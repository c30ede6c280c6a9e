// The least of a view layer: make elements once, set their text when it changes.
export type Child = Node | string;

type Tags = HTMLElementTagNameMap;

export function make<K extends keyof Tags>(tag: K, className = "", ...children: Child[]): Tags[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export function setText(node: Element, value: string): void {
  if (node.textContent !== value) node.textContent = value;
}

export function anchor(label: string, path: string, className = "", id = ""): HTMLAnchorElement {
  const link = make("a", className, label);
  link.href = path;
  if (id) link.id = id;
  return link;
}

// A part of the page that says so when it changes: read out to those who do not see it.
export function withRole<E extends HTMLElement>(node: E, role: string): E {
  node.setAttribute("role", role);
  return node;
}

// Whoever reads keeps their place, what they unfolded, and their focus, while it is renewed.
export function keepingPlace(root: HTMLElement, renew: () => void): void {
  const scrollBoxes = () => [...root.querySelectorAll<HTMLElement>(".tablebox")];
  const places = scrollBoxes().map((box) => ({
    left: box.scrollLeft,
    top: box.scrollTop,
    isRead: box === document.activeElement,
  }));
  const unfolded = root.querySelectorAll<HTMLDetailsElement>("details[open][id]");
  const unfoldedIds = [...unfolded].map((fold) => fold.id);
  const focusedId = root.contains(document.activeElement) ? document.activeElement!.id : "";

  renew();

  scrollBoxes().forEach((box, index) => {
    const place = places[index];
    if (!place) return;
    box.scrollTo(place.left, place.top);
    if (place.isRead) box.focus({ preventScroll: true });
  });
  for (const id of unfoldedIds) document.getElementById(id)?.setAttribute("open", "");
  if (focusedId) document.getElementById(focusedId)?.focus({ preventScroll: true });
}

export type Renew = (shown: unknown, create: () => Child[]) => void;

// Draws anew only when what is shown has changed.
export function renewing(root: HTMLElement): Renew {
  let last = "";
  return (shown, create) => {
    const next = JSON.stringify(shown);
    if (next === last) return;
    last = next;
    keepingPlace(root, () => root.replaceChildren(...create()));
  };
}
