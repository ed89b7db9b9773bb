// The camera: a picture of what it sees, stills at the press of a button, and a clear word where there is none.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { busy, button, errorText, notice } from "../widgets.js";

const QUALITY = 0.92;
/** @type {Record<string, string>} */
const PROBLEMS = {
  NotAllowedError: "try.camera_refused",
  SecurityError: "try.camera_refused",
  NotFoundError: "try.camera_absent",
  OverconstrainedError: "try.camera_absent",
  NotReadableError: "try.camera_busy",
};

/**
 * @param {object} how
 * @param {boolean} how.isFaces
 * @param {Record<string, any>} [how.framing]
 * @param {(still: Blob) => void} how.onPhoto
 */
export function camera({ isFaces, framing, onPhoto }) {
  const ratio = ratioOf(isFaces, framing);
  const element = h("div", { class: "try-camera" });
  const opener = button(t("try.camera"), () => void busy(open(), opener).then(focusShutter), {
    "aria-expanded": "false",
  });
  const shutter = button(t("try.shutter"), () => void busy(take(), shutter), { class: "primary" });
  /** @type {MediaStream | null} */
  let stream = null;
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let isClosed = false;

  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    [stream, video] = [null, null];
    fill(element);
    opener.setAttribute("aria-expanded", "false");
    opener.hidden = false;
  };
  const finish = () => {
    stop();
    opener.focus();
  };
  const open = async () => {
    stop();
    try {
      if (!navigator.mediaDevices) return void fill(element, notice("warning", t("try.camera_absent")));
      const facingMode = isFaces ? "user" : "environment";
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode, width: { ideal: 1280 } } });
      // The view may be gone while a person was being asked.
      if (isClosed) return stop();
      stream.getVideoTracks()[0]?.addEventListener("ended", () => {
        stop();
        fill(element, notice("warning", t("try.camera_lost")));
      });
      video = h("video", { playsinline: true, "aria-label": t("try.camera_view") });
      video.muted = true;
      video.srcObject = stream;
      const view = h("div", { class: "try-viewfinder" }, video, isFaces ? h("div", { class: "try-oval" }) : null);
      view.classList.toggle("is-mirrored", isFaces);
      view.style.aspectRatio = String(ratio);
      const done = button(t("try.camera_close"), finish);
      fill(
        element,
        view,
        isFaces ? h("p", { class: "hint" }, t("try.oval")) : null,
        h("p", { class: "buttons" }, shutter, done),
      );
      opener.setAttribute("aria-expanded", "true");
      opener.hidden = true;
      shutter.disabled = true;
      await video.play();
      shutter.disabled = false;
    } catch (error) {
      stop();
      fill(element, notice("warning", problemOf(error)));
    }
  };
  const focusShutter = () => {
    if (stream) shutter.focus();
  };
  const take = async () => {
    if (!video?.videoWidth) return;
    const still = await stillOf(video, ratio);
    finish();
    if (still) onPhoto(still);
  };
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && stream) finish();
  });
  return {
    element,
    opener,
    close() {
      isClosed = true;
      stop();
    },
  };
}

/**
 * Width by height of a still: as the photos of the training are, so that the network is shown what was framed.
 * @param {boolean} isFaces
 * @param {Record<string, any>} [framing]
 */
function ratioOf(isFaces, framing) {
  const size = framing?.["photo_size"];
  if (size) return size[0] / size[1];
  return isFaces ? 4 / 5 : 1;
}

/**
 * The largest middle part of that shape.
 * @param {HTMLVideoElement} video
 * @param {number} ratio
 * @returns {Promise<Blob | null>}
 */
function stillOf(video, ratio) {
  const width = Math.min(video.videoWidth, Math.round(video.videoHeight * ratio));
  const height = Math.min(video.videoHeight, Math.round(width / ratio));
  const [left, top] = [(video.videoWidth - width) / 2, (video.videoHeight - height) / 2];
  const canvas = h("canvas", { width, height });
  canvas.getContext("2d")?.drawImage(video, left, top, width, height, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

/** @param {unknown} error */
function problemOf(error) {
  const key = error instanceof DOMException ? PROBLEMS[error.name] : undefined;
  return key ? t(key) : t("try.camera_failed", { why: errorText(error) });
}
