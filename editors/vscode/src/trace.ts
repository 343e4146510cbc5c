import * as vscode from 'vscode';

const SCHEME = 'codeassist-trace';
let text = '';
let count = 0;

/** Shows what the server tells of its last requests, as a read-only document. */
export async function showTrace(trace: unknown): Promise<void> {
  text = JSON.stringify(trace, null, 2);
  count += 1; // A name of its own each time: VS Code does not ask again for a document that is open.
  const document = await vscode.workspace.openTextDocument(vscode.Uri.from({ scheme: SCHEME, path: `/Last requests ${count}.json` }));
  await vscode.window.showTextDocument(document, { preview: true });
}

/** Lets VS Code read those documents. */
export function traceProvider(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent: () => text });
}
