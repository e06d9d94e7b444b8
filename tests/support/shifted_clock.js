// Loaded before a Node program (`node --require`): its clock is CLOCK_SHIFT_MS ahead of the host's.
const shiftMs = Number(process.env.CLOCK_SHIFT_MS);
const HostDate = Date;
globalThis.Date = class extends HostDate {
  constructor(...given) {
    super(...(given.length ? given : [HostDate.now() + shiftMs]));
  }
  static now() {
    return HostDate.now() + shiftMs;
  }
};
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + shiftMs });
