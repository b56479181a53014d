"use strict";

// A name that the server does not have yet.
async function freeName(server, name) {
  const stem = name.replace(/\.ipynb$/, "");
  for (let number = 0; number < 100; number += 1) {
    const tried = number ? stem + "-" + number + ".ipynb" : name;
    const answer = await readApi(server, "contents/" + encodeURIComponent(tried) + "?content=0");
    if (answer.status === 404) { return tried; }
    if (!answer.ok) { throw new Error("Your server does not answer (" + answer.status + ")."); }
  }
  throw new Error("Your server has too many notebooks of this name.");
}

// Only pages of the server see its cookie. So one of them is loaded into a frame, where nothing of
// it runs; the server's policy lets pages of this host do that.
function serverToken(server) {
  return new Promise((resolve, reject) => {
    const refused = () => reject(new Error("Your server does not let a copy be put into it."));
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.sandbox = "allow-same-origin";
    frame.src = server + "lab";
    frame.addEventListener("load", () => {
      const token = frame.contentDocument && xsrfToken(frame.contentDocument);
      frame.remove();
      if (token) { resolve(token); } else { refused(); }
    });
    setTimeout(refused, 60000);
    document.body.append(frame);
  });
}

async function start() {
  const {server, source, name} = document.body.dataset;
  const given = await fetch(source, {credentials: "omit"});
  if (!given.ok) { throw new Error(await messageOf(given)); }
  const content = await given.json();
  const free = await freeName(server, name);
  const done = await fetch(server + "api/contents/" + encodeURIComponent(free), {
    method: "PUT",
    credentials: "same-origin",
    headers: {"Content-Type": "application/json", "X-XSRFToken": await serverToken(server)},
    body: JSON.stringify({type: "notebook", format: "json", content: content}),
  });
  if (!done.ok) { throw new Error(await messageOf(done)); }
  location.replace(server + "lab/tree/" + encodeURIComponent(free));
}

const button = document.getElementById("open");

function go() {
  button.hidden = true;
  say("A copy is being put into your server.");
  start().catch((error) => say(error.message));
}

// With a button, the visitor came by a link from elsewhere.
if (button.hidden) { go(); } else { button.addEventListener("click", go); }
