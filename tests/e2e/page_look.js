// Looks at the page as a person would: what is cut, what lies on top of what, what is too faint to read.
globalThis.look = () => {
  const root = document.documentElement, texts = [], boxes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const text = node.textContent.trim(), parent = node.parentElement;
    if (!text || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || parent.closest(".sr")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) if (rect.width > 1) boxes.push({ text, rect, parent });
    texts.push(text);
  }
  const name = (b) => `${b.parent.className || b.parent.tagName}: ${b.text.slice(0, 60)}`;
  const cut = [], over = [], faint = [];
  for (const b of boxes) {
    const box = b.parent.closest(".tile, .card, .chip, .banner, .top") ?? document.body;
    if (b.parent.closest(".tablebox")) continue;
    const outer = box.getBoundingClientRect();
    if (b.rect.right > outer.right + 1 || b.rect.left < outer.left - 1 || b.rect.bottom > outer.bottom + 1) cut.push(name(b));
    if (getComputedStyle(b.parent).overflow !== "visible" && b.parent.scrollWidth > b.parent.clientWidth + 1) cut.push(name(b));
  }
  for (const group of Map.groupBy(boxes, (b) => b.parent.closest(".tile, .card, .top")).values())
    for (const [i, a] of group.entries())
      for (const b of group.slice(i + 1, i + 60)) {
        const wide = Math.min(a.rect.right, b.rect.right) - Math.max(a.rect.left, b.rect.left);
        const high = Math.min(a.rect.bottom, b.rect.bottom) - Math.max(a.rect.top, b.rect.top);
        if (wide > 2 && high > 0.35 * Math.min(a.rect.height, b.rect.height)) over.push(`${name(a)} / ${name(b)}`);
      }
  const seen = new Map();
  for (const b of boxes) {
    const key = `${b.parent.className}|${b.parent.tagName}`;
    if (!seen.has(key)) seen.set(key, ratio(b.parent));
    const big = parseFloat(getComputedStyle(b.parent).fontSize) >= 24;
    if (seen.get(key) < (big ? 3 : 4.5)) faint.push(`${seen.get(key).toFixed(2)} ${name(b)}`);
  }
  return { wide: root.scrollWidth, room: root.clientWidth, texts, cut, over, faint: [...new Set(faint)] };
};
const parts = (colour) => (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const bright = ([r, g, b]) => [r, g, b].map((v) => (v / 255 <= 0.03928 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
// Contrast of an element's ink against the nearest solid ground, with the opacity of all that it stands in.
globalThis.ratio = function ratio(element) {
  let ground = [255, 255, 255], opacity = 1, found = false;
  for (let e = element; e; e = e.parentElement) {
    const style = getComputedStyle(e), back = parts(style.backgroundColor);
    if (!found && (back.length < 4 || back[3] === 1)) [ground, found] = [back, true];
    opacity *= parseFloat(style.opacity);
  }
  const ink = parts(getComputedStyle(element).color).slice(0, 3).map((v, i) => v * opacity + ground[i] * (1 - opacity));
  const [a, b] = [bright(ink), bright(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}
