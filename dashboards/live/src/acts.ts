// What people do about alerts: acknowledge, shelve, silence, and end a quiet. Says what went wrong where the button is.
import { send } from "./data";
import { el } from "./dom";
import { code, lasting, moment, t, type Word } from "./i18n";
import type { Alert, Quiet } from "./types";

const MINUTE_MS = 60_000;
const HOUR_MIN = 60;
const DAY_MIN = 1440;
const LENGTHS_MIN = [30, HOUR_MIN, 4 * HOUR_MIN, 8 * HOUR_MIN, DAY_MIN, 3 * DAY_MIN, 7 * DAY_MIN];
// As long as the API allows: critical for a shift's half, warning for a day, info for a week.
const MOST_MIN: Record<string, number> = { critical: 4 * HOUR_MIN, warning: DAY_MIN, info: 7 * DAY_MIN };
type Done = () => Promise<void>;

export function acts(a: Alert, done: Done, nowMs: () => number): HTMLElement {
  const note = el("input"), why = el("input"), reason = el("input"), aside = lengths(a.severity), quiet = lengths(a.severity);
  why.required = reason.required = true;
  const until = (): string => new Date(nowMs() + Number(quiet.value) * MINUTE_MS).toISOString();
  const forms = [form("silence", [field("reason", reason), field("howLong", quiet)], (who) => send("POST", "/api/v1/silences", { name: who, reason: reason.value, until: until(), rule: a.rule, subject: a.subject }), done)];
  if (a.resolved_ms === null) forms.unshift(
    form("acknowledge", [field("note", note)], (who) => send("POST", `/api/v1/alerts/${a.id}/acknowledge`, { name: who, note: note.value }), done),
    form("shelve", [field("reason", why), field("howLong", aside)], (who) => send("POST", `/api/v1/alerts/${a.id}/shelve`, { name: who, reason: why.value, minutes: Number(aside.value) }), done),
  );
  return el("section", "card acts", el("h2", "", t("whatNow")), ...forms);
}
// What is kept quiet, each with a way to end it.
export function silences(all: Quiet[], about: (q: Quiet) => string, zone: string, nowMs: number, done: Done): HTMLElement {
  return el("section", "card quiets", el("h2", "", t("silences")), el("ul", "open", ...all.map((q) => el("li", "", ...quietLines(q, about(q), zone, nowMs), lift(q, done)))));
}
export function quietLines(q: Quiet, about: string, zone: string, nowMs: number): HTMLElement[] {
  const span = q.from_ms > nowMs ? `${moment(q.from_ms, zone, nowMs)} – ${moment(q.until_ms, zone, nowMs)}` : t("untilTime", { t: moment(q.until_ms, zone, nowMs) });
  return [el("div", "head", el("span", "tag", code("quiet", q.kind)), el("strong", "", about), el("span", "", span)), el("p", "small", `${q.by}: ${q.reason}`)];
}
export function lift(q: Quiet, done: Done): HTMLElement {
  return form("lift", [], (who) => send("DELETE", `/api/v1/silences/${q.id}?name=${encodeURIComponent(who)}`), done, q.id);
}
// A test message over one channel; what came of it stands beside the button.
export function testMessage(channel: string): HTMLElement {
  const said = el("p", "small");
  said.setAttribute("role", "status");
  const ask = async (who: string): Promise<void> => {
    said.textContent = "";
    const found = await send<{ sent: boolean; detail: string }>("POST", "/api/v1/notify/test", { channel, name: who });
    if (!found.sent) throw new Error(found.detail);
    said.textContent = found.detail;
  };
  return el("div", "", form("testMessage", [], ask, () => Promise.resolve(), channel), said);
}
function form(title: Word, fields: HTMLElement[], press: (who: string) => Promise<unknown>, done: Done, of = ""): HTMLElement {
  const who = Object.assign(el("input"), { required: true, maxLength: 80, autocomplete: "name", value: localStorage.getItem("person") ?? "" });
  const button = el("button", "chip do", t(title)), wrong = el("p", "stale");
  wrong.setAttribute("role", "alert");
  const body = el("form", "", field("yourName", who), ...fields, button, wrong);
  const fold = Object.assign(el("details", `act ${title}`, el("summary", "chip", t(title)), body), { id: `${title}${of}` });
  body.addEventListener("submit", (e) => {
    e.preventDefault();
    localStorage.setItem("person", who.value.trim());
    button.disabled = true;
    wrong.textContent = "";
    press(who.value.trim()).then(() => ((fold.open = false), done()), (error: Error) => (wrong.textContent = error.message)).finally(() => (button.disabled = false));
  });
  fold.addEventListener("toggle", () => fold.open && (who.value ||= localStorage.getItem("person") ?? ""));
  return fold;
}
export function field(label: Word, input: HTMLElement): HTMLElement {
  return el("label", "field", el("span", "", t(label)), input);
}
function lengths(severity: string): HTMLSelectElement {
  return el("select", "", ...LENGTHS_MIN.filter((m) => m <= (MOST_MIN[severity] ?? DAY_MIN)).map((m) => new Option(lasting(m * MINUTE_MS), String(m))));
}
