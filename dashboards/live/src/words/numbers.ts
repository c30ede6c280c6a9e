// Numbers and times as the language of the viewer writes them.
import { language, say } from "./say";
import type { Word } from "./words";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const MINUTES_A_DAY = 1440;
const NOTHING = "–";
const MOST_PLACES = 3;

const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

// Formatters are dear to make: one of each kind is kept.
function kept<F extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, create: () => F): F {
  const found = (formats.get(key) as F | undefined) ?? create();
  formats.set(key, found);
  return found;
}

function numberFormat(least: number, most: number): Intl.NumberFormat {
  const options = { minimumFractionDigits: least, maximumFractionDigits: most };
  const key = `${language.code} ${least} ${most}`;
  return kept(key, () => new Intl.NumberFormat(language.code, options));
}

function timeFormat(name: string, zone: string, options: Intl.DateTimeFormatOptions) {
  const key = `${language.code} ${zone} ${name}`;
  const inZone = { ...options, timeZone: zone };
  return kept(key, () => new Intl.DateTimeFormat(language.code, inZone));
}

type Maybe = number | null | undefined;

// Three significant digits, so that a figure does not jump in width; large numbers keep all their digits.
export function num(value: Maybe, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const rounded = Math.abs(value) < 0.0005 ? 0 : Number(value.toPrecision(digits));
  const digitsBefore = rounded ? Math.floor(Math.log10(Math.abs(rounded))) + 1 : 1;
  const places = Math.max(0, Math.min(MOST_PLACES, digits - digitsBefore));
  const isLarge = Math.abs(rounded) >= 10 ** digits;
  return numberFormat(places, places).format(isLarge ? value : rounded);
}

export function whole(value: number): string {
  return numberFormat(0, 0).format(value);
}

// As many places as it has, up to three.
export function plain(value: number): string {
  return numberFormat(0, MOST_PLACES).format(value);
}

// A change in percent, with its sign.
export function signed(value: Maybe): string {
  if (value === null || value === undefined) return NOTHING;
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  return sign + num(Math.abs(value), 2);
}

// A thousandth: kW as MW, kWh as MWh, kg as t.
export function thousandth(value: Maybe): string {
  return num(value === null || value === undefined ? null : value / 1000);
}

export function clock(atMs: number, zone: string, withSeconds = false): string {
  const options: Intl.DateTimeFormatOptions = {
    hour: "2-digit",
    minute: "2-digit",
    second: withSeconds ? "2-digit" : undefined,
    hourCycle: "h23",
  };
  return timeFormat(withSeconds ? "seconds" : "clock", zone, options).format(atMs);
}

export function day(atMs: number, zone: string): string {
  return timeFormat("day", zone, { day: "numeric", month: "short" }).format(atMs);
}

export function shortDate(atMs: number, zone: string): string {
  return timeFormat("date", zone, { day: "numeric", month: "numeric" }).format(atMs);
}

// A time that may be of another day: with its date then.
export function moment(atMs: number, zone: string, nowMs: number): string {
  const date = day(atMs, zone);
  const time = clock(atMs, zone);
  return date === day(nowMs, zone) ? time : `${date} ${time}`;
}

// A length of time in its two largest units.
export function lasting(lengthMs: number): string {
  if (lengthMs < MINUTE_MS) return say("secondsLong", { n: Math.round(lengthMs / SECOND_MS) });
  const inMinutes = Math.round(lengthMs / MINUTE_MS);
  const days = Math.floor(inMinutes / MINUTES_A_DAY);
  const hours = Math.floor(inMinutes / 60) % 24;
  const minutes = days ? 0 : inMinutes % 60;
  const parts: [number, Word][] = [
    [days, "days"],
    [hours, "hoursLong"],
    [minutes, "minutesLong"],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => say(word, { n: count }))
    .join(" ");
}
