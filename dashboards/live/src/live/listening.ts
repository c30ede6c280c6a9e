// A tab listens through the worker that all tabs share. A hidden tab lets go, and so does one that is left.
// Where a browser has no shared worker (some phones), each tab that is looked at has a stream of its own.
import { Stream, type Message } from "./stream";
import type { FromTab } from "./stream_worker";

interface Source {
  look(): void;
  leave(): void;
}

export function listen(hear: (message: Message) => void, returned: () => void): void {
  const source = "SharedWorker" in globalThis ? shared(hear) : own(hear);

  function follow(): void {
    if (document.hidden) return source.leave();
    returned();
    source.look();
  }
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => source.leave());
  addEventListener("pageshow", (event) => event.persisted && follow());
  follow();
}

function shared(hear: (message: Message) => void): Source {
  // Written in one piece, for the build finds the worker by this form.
  const worker = new SharedWorker(new URL("./stream_worker.ts", import.meta.url), {
    type: "module",
    name: "wattline",
  });
  const tell = (what: FromTab): void => worker.port.postMessage(what);
  worker.port.addEventListener("message", (event: MessageEvent<Message>) => hear(event.data));
  worker.port.start();
  return { look: () => tell("looking"), leave: () => tell("away") };
}

function own(hear: (message: Message) => void): Source {
  const stream = new Stream(hear);
  return { look: () => stream.open(), leave: () => stream.close() };
}
