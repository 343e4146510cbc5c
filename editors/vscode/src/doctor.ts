import * as vscode from 'vscode';
import type { Codeassist } from './server/find';
import { Failed, run } from './server/run';

const SCHEME = 'codeassist-doctor';
/** Its own limits are shorter. */
const LIMIT_MS = 300_000;
const REPORT = vscode.Uri.from({ scheme: SCHEME, path: '/codeassist doctor' });

/** Shows what works and what does not, as the doctor finds it out: a document that nobody can change. */
export class Doctor implements vscode.Disposable {
  private text = '';
  private examining = new AbortController();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: this.changed.event,
    provideTextDocumentContent: () => this.text,
  });

  async examine(server: Codeassist, env: Record<string, string>): Promise<void> {
    this.examining.abort(); // One at a time: there is one report.
    this.examining = new AbortController();
    const { signal } = this.examining;
    const add = (line: string): void => {
      if (!signal.aborted) this.add(line);
    };
    this.text = '';
    this.add([server.program, ...server.args, 'doctor'].join(' '));
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(REPORT), { preview: true });
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'codeassist: examining' }, () =>
      run(server.program, [...server.args, 'doctor'], { onLine: add, env, signal, limitMs: LIMIT_MS }).then(
        () => add('All is well.'),
        ({ message, output }: Failed) => add(/^FAIL/m.test(output) ? 'Something is wrong; the lines that begin with FAIL say what.' : `The doctor could not examine: ${message}.`),
      ),
    );
  }

  dispose(): void {
    this.examining.abort();
    this.provider.dispose();
    this.changed.dispose();
  }

  private add(line: string): void {
    this.text += `${line}\n`;
    this.changed.fire(REPORT);
  }
}
