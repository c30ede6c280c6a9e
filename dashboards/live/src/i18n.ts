// Words of the page in three languages, and numbers and times as each writes them.
export type Lang = "en" | "zh" | "de";
export const LANGS: Lang[] = ["en", "zh", "de"];
export const LANG_NAMES: Record<Lang, string> = { en: "EN", zh: "中文", de: "DE" };

const WORDS = {
  site: ["Site", "全厂", "Werk"], health: ["Data health", "数据质量", "Datenzustand"], simulated: ["simulated plant", "仿真工厂", "simuliertes Werk"],
  power: ["Power", "功率", "Leistung"], intensity: ["Carbon intensity", "碳强度", "CO₂-Intensität"], electrified: ["Electrified", "电气化率", "Elektrifiziert"],
  sun: ["On-site renewable", "就地可再生", "Eigene Erneuerbare"], elToday: ["Electricity today", "今日用电", "Strom heute"], carbonToday: ["{basis} today", "今日 {basis}", "{basis} heute"],
  claimed: ["{v} % renewable claimed", "声明可再生 {v} %", "{v} % erneuerbar angerechnet"], calorific: ["calorific, final energy", "热值法，终端能源", "kalorisch, Endenergie"],
  perKwhEl: ["g/kWh el.", "g/kWh 电", "g/kWh el."], perKwhFinal: ["g/kWh final", "g/kWh 终端", "g/kWh Endenergie"], vsWeek: ["{v} % vs last week", "较上周 {v} %", "{v} % zur Vorwoche"],
  vsPlan: ["{v} % vs plan", "较计划 {v} %", "{v} % zum Plan"], scopes: ["scope 1 {a} · scope 2 {b}", "范围一 {a} · 范围二 {b}", "Scope 1 {a} · Scope 2 {b}"],
  now: ["now", "实时", "jetzt"], books: ["books", "账本", "Bücher"], booksTo: ["books to {t}", "账本至 {t}", "Bücher bis {t}"], shift: ["shift {s}", "{s} 班", "Schicht {s}"],
  flows: ["From sources to lines, now", "从能源到产线（实时）", "Von den Quellen zu den Linien, jetzt"],
  flowsNote: ["Width: source energy. Colour: g CO₂ per kWh behind it.", "宽度：源头能量。颜色：每千瓦时 CO₂ 克数。", "Breite: Quellenergie. Farbe: g CO₂ je kWh dahinter."],
  attention: ["Needs attention", "需要关注", "Braucht Aufmerksamkeit"], allWell: ["Nothing needs you now.", "目前无需处理。", "Nichts braucht Sie gerade."],
  perGood: ["per good {u}, this shift", "每合格{u}，本班", "je Gut-{u}, diese Schicht"], finalPower: ["final power", "终端功率", "Endleistung"],
  sisters: ["Sisters: does electrifying pay?", "姊妹线：电气化合算吗？", "Schwestern: lohnt Elektrifizieren?"],
  sistersNote: ["Battery cells on electricity against cells on steam, kg per kWh cell, this shift. The answer depends on where heat and power come from.", "电气化电芯线对比蒸汽电芯线，每 kWh 电芯的 kg，本班。答案取决于热和电的来源。", "Zellen elektrisch gegen Zellen mit Dampf, kg je kWh Zelle, diese Schicht. Die Antwort hängt davon ab, woher Wärme und Strom kommen."],
  lost: ["No data since {t}. Trying again.", "自 {t} 起无数据，正在重连。", "Keine Daten seit {t}. Neuer Versuch läuft."], waiting: ["Waiting for the first readings …", "等待首批读数……", "Warte auf die ersten Messwerte …"],
  backfill: ["Making history: {p} % of {d} days", "正在补历史：{d} 天的 {p} %", "Historie entsteht: {p} % von {d} Tagen"], unmetered: ["Unmetered", "未计量", "Ungemessen"],
  explain: ["Explain", "解释", "Erklären"], close: ["Close", "关闭", "Schließen"], formula: ["How it is made", "计算方式", "Wie es entsteht"], factor: ["Factor", "因子", "Faktor"],
  measured: ["measured", "实测", "gemessen"], estimated: ["estimated", "估计", "geschätzt"], coverage: ["coverage", "覆盖率", "Abdeckung"], meters: ["Meters", "仪表", "Zähler"], readings: ["Readings (CSV)", "数据（CSV）", "Messwerte (CSV)"],
  table: ["Table", "表格", "Tabelle"], chart: ["Chart", "图表", "Diagramm"], theme: ["Theme", "主题", "Farben"], wall: ["Wall", "大屏", "Wand"], line: ["Line", "产线", "Linie"],
  sourcesOver: ["Energy by source, 24 h", "按来源的能量，24 小时", "Energie nach Quelle, 24 h"], figuresOver: ["Intensity and electrification, 24 h", "强度与电气化，24 小时", "Intensität und Elektrifizierung, 24 h"],
  states: ["Machine states, 24 h", "设备状态，24 小时", "Maschinenzustände, 24 h"], meter: ["Meter", "仪表", "Zähler"], connection: ["Connection", "连接", "Verbindung"], state: ["State", "状态", "Zustand"],
  lag: ["Lag", "延迟", "Verzug"], period: ["Period", "周期", "Periode"], value: ["Value", "数值", "Wert"], answered: ["Answered", "应答", "Beantwortet"], failed: ["Failed", "失败", "Fehlgeschlagen"],
  verdicts: ["Counter verdicts, 24 h", "计数判定，24 小时", "Zählerurteile, 24 h"], gaps: ["Gaps, 24 h", "缺口，24 小时", "Lücken, 24 h"], none: ["none", "无", "keine"], stale: ["silent since {t}", "自 {t} 静默", "stumm seit {t}"],
  meter_silent: ["{m} is silent", "{m} 静默", "{m} ist stumm"], was_silent: ["{m} was silent for {s} s; its energy is kept, the shape estimated", "{m} 静默 {s} 秒；能量已保留，形状为估计", "{m} war {s} s stumm; Energie erhalten, Verlauf geschätzt"],
  counter_reset: ["{m}: counter was reset", "{m}：计数器复位", "{m}: Zähler zurückgesetzt"], counter_unknown: ["{m}: counter step not understood", "{m}：计数跳变不明", "{m}: Zählersprung unklar"],
  line_idle: ["{l} idles, {v} kW for {s} min", "{l} 空转 {s} 分钟，{v} kW", "{l} läuft leer, {v} kW seit {s} min"], journal: ["Journal", "日志", "Journal"], behind: ["behind", "落后", "zurück"],
} satisfies Record<string, [string, string, string]>;
export type Word = keyof typeof WORDS;

export let lang: Lang = (localStorage.getItem("lang") as Lang) || (navigator.language.startsWith("zh") ? "zh" : navigator.language.startsWith("de") ? "de" : "en");
export function setLang(next: Lang): void {
  lang = next;
  localStorage.setItem("lang", next);
  document.documentElement.lang = next;
}
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return WORDS[word][LANGS.indexOf(lang)]!.replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? ""));
}
export function has(word: string): word is Word {
  return word in WORDS;
}
export function name(names: Record<string, string> | undefined, fallback: string): string {
  return names?.[lang] || names?.en || fallback;
}
const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();
// Formatters are dear to make: one of each kind is kept.
function kept<F extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => F): F {
  const found = (formats.get(key) as F | undefined) ?? make();
  formats.set(key, found);
  return found;
}
export function num(x: number | null | undefined, digits = 3): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  const size = Math.abs(x) >= 1 ? Math.floor(Math.log10(Math.abs(x))) + 1 : 1;
  const places = Math.max(0, Math.min(3, digits - size));
  return kept(`${lang} ${places}`, () => new Intl.NumberFormat(lang, { minimumFractionDigits: places, maximumFractionDigits: places })).format(x);
}
export function signed(x: number | null | undefined): string {
  return x === null || x === undefined ? "–" : (x > 0 ? "+" : x < 0 ? "−" : "") + num(Math.abs(x), 2);
}
export function clock(ms: number, zone: string, seconds = false): string {
  const options = { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23", timeZone: zone } as const;
  return kept(`${lang} ${zone} ${seconds}`, () => new Intl.DateTimeFormat(lang, options)).format(ms);
}
