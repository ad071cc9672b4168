/** Lists of microphones, cameras and loudspeakers to choose from, in the lobby and in the panel of a call. */
import { find, findAll } from "../lib/dom.js";
import { chooseDevice, getChosenDevices, listDevices, relaySetting } from "./media-devices.js";

/** @typedef {"audio" | "video" | "speaker"} DeviceKind */

export class DeviceMenu {
  /** @param {HTMLElement | null} root with a `select` for each kind @param {(kind: DeviceKind) => void} onChoose */
  constructor(root, onChoose) {
    this.root = root;
    root?.addEventListener("change", (event) => {
      const field = /** @type {HTMLSelectElement | HTMLInputElement} */ (event.target);
      if (field instanceof HTMLInputElement) return relaySetting.set(field.checked);
      chooseDevice(/** @type {DeviceKind} */ (field.name), field.value);
      onChoose(/** @type {DeviceKind} */ (field.name));
    });
  }

  async render() {
    const devices = await listDevices();
    const chosen = getChosenDevices();
    for (const field of /** @type {HTMLSelectElement[]} */ (findAll(this.root, "select"))) {
      const kind = /** @type {DeviceKind} */ (field.name);
      const options = devices[kind].map((device, index) => new Option(device.label || `${index + 1}`, device.deviceId));
      field.replaceChildren(...options);
      if (options.some(({ value }) => value === chosen[kind])) field.value = chosen[kind];
      const label = field.closest("label");
      if (label) label.hidden = options.length === 0;
    }
    const relay = /** @type {HTMLInputElement | null} */ (find(this.root, "input[name=relay]"));
    if (relay) relay.checked = relaySetting.isOn;
  }
}
