// One connection to the stream of the API, and the only place that opens one again.
// A stream that only looks open is opened anew too: quiet for four seconds means lost.
export const QUIET_MS = 4000;
const AGAIN_MS = 5000; // between two tries
const AGAIN_REFUSED_MS = 500; // the server said no: it is there, so it may be ready soon
const LOOK_MS = 250;

export const KINDS = ["now", "books", "backfill"] as const;
export type Kind = (typeof KINDS)[number];

export interface Message {
  kind: Kind | "link";
  body: string; // JSON, parsed by whoever shows it; of a link "true" while the server answers
}

export class Stream {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private triedAt = 0;
  private heardAt = 0;
  private heardNow = false;

  constructor(private hear: (message: Message) => void) {}

  get isOpen(): boolean {
    return this.source !== null;
  }

  open(): void {
    if (this.isOpen) return;
    this.heardAt = performance.now();
    this.connect();
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.timer);
    this.source?.close();
    this.source = null;
  }

  private connect(): void {
    this.source?.close();
    this.triedAt = performance.now();
    this.source = new EventSource("/api/v1/live/stream");
    this.source.addEventListener("open", () => this.hear({ kind: "link", body: "true" }));
    this.source.addEventListener("error", () => this.hear({ kind: "link", body: "false" }));
    for (const kind of KINDS) {
      this.source.addEventListener(kind, (event) =>
        this.take({ kind, body: event.data as string }),
      );
    }
  }

  private take(message: Message): void {
    this.heardAt = performance.now();
    this.heardNow ||= message.kind === "now";
    this.hear(message);
  }

  // Before the first readings an open stream may be quiet.
  private look(): void {
    const state = this.source?.readyState;
    const isQuiet = performance.now() - this.heardAt > QUIET_MS;
    const isLost = isQuiet && (this.heardNow || state !== EventSource.OPEN);
    const wait = state === EventSource.CLOSED ? AGAIN_REFUSED_MS : AGAIN_MS;
    if (isLost && performance.now() - this.triedAt > wait) this.connect();
  }
}
