/** What of it is used here. */
export interface Running {
  update(data: Uint8Array): Running;
  digest(): Uint8Array;
}
export const sha256: { (data: Uint8Array): Uint8Array; create(): Running };
