import * as vscode from 'vscode';
import type { Codeassist } from './server/find';
import { run } from './server/run';

const SCHEME = 'codeassist-doctor';
const REPORT = vscode.Uri.from({ scheme: SCHEME, path: '/codeassist doctor' });

/** Shows what works and what does not, as the doctor finds it out: a document that nobody can change. */
export class Doctor implements vscode.Disposable {
  private text = '';
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: this.changed.event,
    provideTextDocumentContent: () => this.text,
  });

  async examine(server: Codeassist, env: Record<string, string>): Promise<void> {
    this.text = '';
    this.add([server.program, ...server.args, 'doctor'].join(' '));
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(REPORT), { preview: true });
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'codeassist: examining' }, () =>
      run(server.program, [...server.args, 'doctor'], { onLine: (line) => this.add(line), env }).then(
        () => this.add('All is well.'),
        () => this.add('Something is wrong; the lines that begin with FAIL say what.'),
      ),
    );
  }

  dispose(): void {
    this.provider.dispose();
    this.changed.dispose();
  }

  private add(line: string): void {
    this.text += `${line}\n`;
    this.changed.fire(REPORT);
  }
}
