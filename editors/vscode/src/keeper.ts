import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Around, Client } from './client';
import { interpretersOf } from './interpreters';
import { tellOfOthers } from './others';
import { Backoff } from './server/backoff';
import { interpreter, tidy } from './server/environment';
import { candidates, configured, firstThatWorks, type Codeassist } from './server/find';
import { run } from './server/run';
import { selector } from './settings';
import type { Status } from './status';

/** Keeps one language server running for this window: finds it, starts it, and starts it again when it crashes. */
export class Keeper implements vscode.Disposable {
  /** The command that was found last. */
  server: Codeassist | undefined;
  /** Why there is none, where it was given up. */
  trouble: string | undefined;
  private client: Client | undefined;
  private telling: vscode.Disposable | undefined;
  /** Since it was last wanted: it is no wrong command then. */
  private hasRun = false;
  private again: NodeJS.Timeout | undefined;
  private turn: Promise<void> = Promise.resolve();
  /** How often it was asked to restart or to stop: what was asked before the last time is out of date. */
  private asked = 0;
  private beginning = new AbortController();
  private readonly backoff = new Backoff();

  /** `own`: the folder of the extension's own environment. `show` gets each status, `missing` is called when there is no
   * server to start, `failed` when one does not start or stops again and again. */
  constructor(
    private readonly own: string,
    private readonly around: Omit<Around, 'ended'>,
    private readonly show: (status: Status) => void,
    private readonly missing: () => void,
    private readonly failed: (message: string) => void,
  ) {}

  /** Start the server, or another one in its place. It looks anew where there is one. */
  restart(): Promise<void> {
    return this.wanted(async () => {
      await this.end();
      this.backoff.reset();
      this.hasRun = false;
      await this.begin();
    });
  }

  stop(): Promise<void> {
    return this.wanted(() => this.end());
  }

  dispose(): void {
    void this.stop();
  }

  /** The client, while its server runs. */
  get running(): Client | undefined {
    return this.client?.isRunning() ? this.client : undefined;
  }

  /** `step` as the last thing that is wanted: a start on its way is given up, and what waits before it is left out. */
  private wanted(step: () => Promise<void>): Promise<void> {
    const mine = ++this.asked;
    this.beginning.abort();
    return this.next(async () => {
      if (mine === this.asked) await step();
    });
  }

  /** One after the other: two servers at a time would answer twice. */
  private next(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step).catch((error: unknown) => this.around.output.error(String(error)));
    return this.turn;
  }

  private async begin(): Promise<void> {
    this.trouble = undefined;
    this.show({ state: 'busy', message: 'The language server starts.' });
    this.beginning = new AbortController();
    const { signal } = this.beginning;
    try {
      this.server = await this.find(signal);
    } catch (error) {
      this.server = undefined;
      this.giveUp(messageOf(error));
      return;
    }
    if (signal.aborted) return;
    if (!this.server) {
      this.show({ state: 'off', message: 'codeassist is not installed.', reason: 'no-server' });
      this.missing();
      return;
    }
    this.around.output.info(`Starting ${this.command}`);
    const library = await import('./client.js'); // A bundle of its own: VS Code waits for nothing of it.
    const made = new library.Client(this.server, { ...this.around, ended: () => this.crashed(made) });
    this.client = made;
    made.onNotification('codeassist/status', (status: Status) => this.show(status));
    try {
      await made.begin(signal);
      this.backoff.started();
      this.hasRun = true;
      this.telling = tellOfOthers(made, selector(this.around.manifest));
      void tidy(this.own);
      await vscode.commands.executeCommand('setContext', 'codeassist.running', true);
    } catch (error) {
      await this.end();
      if (signal.aborted) return;
      if (this.hasRun) this.later();
      else this.giveUp(messageOf(error));
    }
  }

  /** Start again after a while. */
  private later(): void {
    const wait = this.backoff.stopped();
    if (wait === undefined) {
      this.giveUp('it stops again and again');
      return;
    }
    this.show({ state: 'off', message: `The language server has stopped; it starts again in ${wait / 1000} s.` });
    this.again = setTimeout(() => void this.next(() => this.begin()), wait);
  }

  private giveUp(reason: string): void {
    const message = this.server ? `"${this.command}" does not run: ${reason}` : reason;
    this.trouble = message;
    this.around.output.error(message);
    this.show({ state: 'degraded', message, reason: 'no-start' });
    this.failed(message);
  }

  private get command(): string {
    return this.server ? [this.server.program, ...this.server.args, 'lsp'].join(' ') : '';
  }

  private async end(): Promise<void> {
    clearTimeout(this.again);
    this.telling?.dispose();
    const ending = this.client;
    this.client = undefined;
    await vscode.commands.executeCommand('setContext', 'codeassist.running', false);
    if (ending?.isRunning()) await ending.end();
  }

  private crashed(ended: Client): void {
    if (ended !== this.client || !ended.isRunning()) return; // It was told to, or has never begun: `begin` knows.
    void this.next(async () => {
      if (ended !== this.client) return;
      await this.end();
      this.later();
    });
  }

  private async find(signal: AbortSignal): Promise<Codeassist | undefined> {
    const named = configured(vscode.workspace.getConfiguration('codeassist').get<unknown>('command'));
    if (named) return named;
    const own = interpreter(this.own);
    const all = candidates({ interpreters: interpretersOf(), own, exists: isFile });
    return firstThatWorks(all, run, (line) => this.around.output.info(line), signal);
  }
}

function isFile(file: string): boolean {
  return !!fs.statSync(file, { throwIfNoEntry: false })?.isFile();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The folder of the extension's own environment; each version has its own. */
export function ownEnvironment(context: vscode.ExtensionContext): string {
  const { version } = context.extension.packageJSON as { version: string };
  return path.join(context.globalStorageUri.fsPath, `server-${version}`);
}
