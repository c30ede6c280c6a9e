// How the viewer likes the page, kept in the browser: light or dark, and the wall picture.
const AWAKE_MS = 5000;
const root = document.documentElement;

let asleep: ReturnType<typeof setTimeout> | undefined;

export function setTheme(theme: string): void {
  root.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

export function turnTheme(): void {
  setTheme(root.dataset.theme === "dark" ? "light" : "dark");
}

function wantedTheme(): string {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function isWall(): boolean {
  return root.classList.contains("wall");
}

// The wall picture has no controls until somebody moves; Esc leaves it.
export function setWall(on: boolean): void {
  root.classList.toggle("wall", on);
  root.classList.remove("awake");
  localStorage.setItem("wall", on ? "on" : "off");
}

function wake(): void {
  if (!isWall()) return;
  root.classList.add("awake");
  clearTimeout(asleep);
  asleep = setTimeout(() => root.classList.remove("awake"), AWAKE_MS);
}

export function begin(leftWall: () => void): void {
  setTheme(localStorage.getItem("theme") ?? wantedTheme());
  setWall(localStorage.getItem("wall") === "on");
  for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, wake);
  addEventListener("keydown", (event) => {
    const isPanelOpen = document.querySelector(".panel") !== null;
    if (event.key !== "Escape" || isPanelOpen || !isWall()) return;
    setWall(false);
    leftWall();
  });
}
