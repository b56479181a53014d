"use strict";

document.getElementById("delete").addEventListener("click", async () => {
  const {prefix, identity} = document.body.dataset;
  const answer = await fetch(prefix + identity + "/delete", {
    method: "POST", credentials: "omit", body: location.hash.slice(1),
  });
  if (!answer.ok) { say(await messageOf(answer)); return; }
  const gone = (await answer.json()).gone;
  say(gone ? "It is deleted." : "You share it no more; others share the same notebook.");
  document.getElementById("delete").remove();
});
