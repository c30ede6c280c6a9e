// What people do about alerts: acknowledge, shelve, silence, and end a quiet. Says what went wrong where the button is.
import { SHELVED_MOST_MIN } from "../constants";
import { send } from "../live/ask";
import type { Alert, Quiet, Severity } from "../types";
import { lasting, moment } from "../words/numbers";
import { codeWord, say } from "../words/say";
import type { Word } from "../words/words";
import { make, withRole } from "./dom";

const MINUTE_MS = 60_000;
const HOUR_MIN = 60;
const DAY_MIN = 1440;
const LENGTHS_MIN = [30, HOUR_MIN, 4 * HOUR_MIN, 8 * HOUR_MIN, DAY_MIN, 3 * DAY_MIN, 7 * DAY_MIN];
const LONGEST_NAME = 80;

type Done = () => Promise<void>;

interface Act {
  title: Word;
  fields?: HTMLElement[];
  press(who: string): Promise<unknown>;
  done: Done;
  of?: string; // what it is about, where a page has several of a kind
}

export function acts(alert: Alert, done: Done, nowMs: () => number): HTMLElement {
  const forms = [silenceForm(alert, done, nowMs)];
  if (alert.resolved_ms === null) {
    forms.unshift(acknowledgeForm(alert, done), shelveForm(alert, done));
  }
  return make("section", "card acts", make("h2", "", say("whatNow")), ...forms);
}

function acknowledgeForm({ id }: Alert, done: Done): HTMLElement {
  const note = make("input");
  return actForm({
    title: "acknowledge",
    fields: [field("note", note)],
    press: (who) =>
      send("POST", `/api/v1/alerts/${id}/acknowledge`, { name: who, note: note.value }),
    done,
  });
}

function shelveForm({ id, severity }: Alert, done: Done): HTMLElement {
  const reason = requiredInput();
  const length = lengthChoice(severity);
  return actForm({
    title: "shelve",
    fields: [field("reason", reason), field("howLong", length)],
    press: (who) => {
      const asked = { name: who, reason: reason.value, minutes: Number(length.value) };
      return send("POST", `/api/v1/alerts/${id}/shelve`, asked);
    },
    done,
  });
}

function silenceForm({ rule, subject, severity }: Alert, done: Done, nowMs: () => number) {
  const reason = requiredInput();
  const length = lengthChoice(severity);
  return actForm({
    title: "silence",
    fields: [field("reason", reason), field("howLong", length)],
    press: (who) => {
      const untilMs = nowMs() + Number(length.value) * MINUTE_MS;
      const until = new Date(untilMs).toISOString();
      const asked = { name: who, reason: reason.value, until, rule, subject };
      return send("POST", "/api/v1/silences", asked);
    },
    done,
  });
}

interface QuietList {
  all: Quiet[];
  about(quiet: Quiet): string;
  zone: string;
  nowMs: number;
  done: Done;
}

// What is kept quiet, each with a way to end it.
export function silences({ all, about, zone, nowMs, done }: QuietList): HTMLElement {
  const items = all.map((quiet) => {
    const lines = quietLines(quiet, about(quiet), zone, nowMs);
    return make("li", "", ...lines, lift(quiet, done));
  });
  const title = make("h2", "", say("silences"));
  return make("section", "card quiets", title, make("ul", "open", ...items));
}

export function quietLines(
  quiet: Quiet,
  about: string,
  zone: string,
  nowMs: number,
): HTMLElement[] {
  const from = moment(quiet.from_ms, zone, nowMs);
  const until = moment(quiet.until_ms, zone, nowMs);
  const isToCome = quiet.from_ms > nowMs;
  const span = isToCome ? `${from} – ${until}` : say("untilTime", { t: until });
  const kind = make("span", "tag", codeWord("quiet", quiet.kind));
  const head = make("div", "head", kind, make("strong", "", about), make("span", "", span));
  return [head, make("p", "small", `${quiet.by}: ${quiet.reason}`)];
}

export function lift({ id }: Quiet, done: Done): HTMLElement {
  return actForm({
    title: "lift",
    press: (who) => send("DELETE", `/api/v1/silences/${id}?name=${encodeURIComponent(who)}`),
    done,
    of: id,
  });
}

interface TestAnswer {
  sent: boolean;
  detail: string;
}

// A test message over one channel; what came of it stands beside the button.
export function testMessage(channel: string): HTMLElement {
  const said = withRole(make("p", "small"), "status");
  async function press(who: string): Promise<void> {
    said.textContent = "";
    const asked = { channel, name: who };
    const answer = await send<TestAnswer>("POST", "/api/v1/notify/test", asked);
    if (!answer.sent) throw new Error(answer.detail);
    said.textContent = answer.detail;
  }
  const done = () => Promise.resolve();
  const form = actForm({ title: "testMessage", press, done, of: channel });
  return make("div", "", form, said);
}

// The name of whoever acts is kept for the next time.
const PERSON = "person";

function actForm({ title, fields = [], press, done, of = "" }: Act): HTMLElement {
  const who = requiredInput();
  who.maxLength = LONGEST_NAME;
  who.autocomplete = "name";
  who.value = localStorage.getItem(PERSON) ?? "";
  const button = make("button", "chip do", say(title));
  const wrong = withRole(make("p", "stale"), "alert");
  const form = make("form", "", field("yourName", who), ...fields, button, wrong);
  const fold = make("details", `act ${title}`, make("summary", "chip", say(title)), form);
  fold.id = `${title}${of}`;

  async function submit(): Promise<void> {
    const person = who.value.trim();
    localStorage.setItem(PERSON, person);
    button.disabled = true;
    wrong.textContent = "";
    try {
      await press(person);
      fold.open = false;
      void done();
    } catch (error) {
      wrong.textContent = (error as Error).message;
    } finally {
      button.disabled = false;
    }
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  fold.addEventListener("toggle", () => {
    if (fold.open) who.value ||= localStorage.getItem(PERSON) ?? "";
  });
  return fold;
}

export function field(label: Word, input: HTMLElement): HTMLElement {
  return make("label", "field", make("span", "", say(label)), input);
}

function requiredInput(): HTMLInputElement {
  const input = make("input");
  input.required = true;
  return input;
}

function lengthChoice(severity: Severity): HTMLSelectElement {
  const most = SHELVED_MOST_MIN[severity];
  const allowed = LENGTHS_MIN.filter((minutes) => minutes <= most);
  const options = allowed.map((minutes) => {
    return new Option(lasting(minutes * MINUTE_MS), String(minutes));
  });
  return make("select", "", ...options);
}
