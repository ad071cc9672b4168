/** What of it is used here; see its own README for the rest. */
export interface HttpRequest {
  setHeader(name: string, value: string): void;
  getHeader(name: string): string | undefined;
  send(body: Blob): Promise<unknown>;
}
export class DefaultHttpStack {
  constructor(options: object);
  createRequest(method: string, url: string): HttpRequest;
}
export class Upload {
  constructor(file: Blob, options: object);
  url: string;
  start(): void;
  abort(shouldTerminate?: boolean): Promise<void>;
  findPreviousUploads(): Promise<object[]>;
  resumeFromPreviousUpload(previous: object): void;
}
