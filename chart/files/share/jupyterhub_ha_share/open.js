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

async function start() {
  const {server, source, name} = document.body.dataset;
  const given = await fetch(source, {credentials: "omit"});
  if (!given.ok) { throw new Error(await messageOf(given)); }
  const content = await given.json();
  const free = await freeName(server, name);
  const done = await fetch(server + "api/contents/" + encodeURIComponent(free), {
    method: "PUT",
    credentials: "same-origin",
    headers: {"Content-Type": "application/json", "X-XSRFToken": cookieAt(server, "_xsrf")},
    body: JSON.stringify({type: "notebook", format: "json", content: content}),
  });
  if (!done.ok) { throw new Error(await messageOf(done)); }
  location.replace(server + "lab/tree/" + encodeURIComponent(free));
}

start().catch((error) => say(error.message));
