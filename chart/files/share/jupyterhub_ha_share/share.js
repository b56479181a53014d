"use strict";

const {prefix, server, hub, maxSize} = document.body.dataset;
const xsrf = () => ({"X-XSRFToken": xsrfToken(document)});

function element(name, text, action) {
  const made = document.createElement(name);
  made.textContent = text;
  if (action) { made.addEventListener("click", action); }
  return made;
}

function item(...parts) {
  const made = document.createElement("li");
  made.append(...parts);
  return made;
}

async function show(folder) {
  const answer = await readApi(server, "contents/" + encodePath(folder));
  if (!answer.ok) {
    say("Your server does not answer; it may have ended.");
    const link = element("a", "Open a notebook");
    link.href = hub;
    document.getElementById("folders").replaceChildren(link);
    return;
  }
  const entries = (await answer.json()).content.sort((a, b) => a.name.localeCompare(b.name));
  const ways = entries.filter((one) => one.type === "directory")
    .map((one) => element("button", one.name + "/", () => show(one.path)));
  if (folder) {
    const above = folder.split("/").slice(0, -1).join("/");
    ways.unshift(element("button", "..", () => show(above)));
  }
  document.getElementById("folders").replaceChildren(...ways);
  const found = entries.filter((one) => one.type === "notebook");
  const rows = found.map((one) => item(element("button", "Share", () => share(one)), " ", one.name));
  document.getElementById("notebooks").replaceChildren(...rows);
  if (!rows.length) { say("There is no notebook here."); }
}

async function share(entry) {
  say("One moment, please: " + entry.name);
  const answer = await readApi(server, "contents/" + encodePath(entry.path) + "?type=notebook");
  if (!answer.ok) { say(await messageOf(answer)); return; }
  const body = JSON.stringify((await answer.json()).content);
  const size = new Blob([body]).size;
  if (size > Number(maxSize)) {
    say("The notebook has " + size + " bytes, and may have " + maxSize + ". Remove large outputs.");
    return;
  }
  const done = await fetch(prefix + "api/shares?name=" + encodeURIComponent(entry.name), {
    method: "POST", body: body, credentials: "same-origin", headers: xsrf(),
  });
  if (!done.ok) { say(await messageOf(done)); return; }
  const made = await done.json();
  say(entry.name + " is shared.");
  document.getElementById("created").hidden = false;
  for (const [id, url] of [["link", made.url], ["delete-link", made.delete]]) {
    const link = document.getElementById(id);
    link.href = url;
    link.textContent = url;
  }
  await list();
}

async function list() {
  const answer = await read(prefix + "api/shares");
  if (!answer.ok) { return; }
  const rows = (await answer.json()).shares.map((one) => {
    const link = element("a", one.title || one.name);
    link.href = one.url;
    return item(element("button", "Delete", () => remove(one)), " ", link);
  });
  document.getElementById("shares").replaceChildren(...rows);
}

async function remove(one) {
  const answer = await fetch(prefix + "api/shares/" + one.identity, {
    method: "DELETE", credentials: "same-origin", headers: xsrf(),
  });
  if (answer.ok) {
    const gone = (await answer.json()).gone;
    say(gone ? one.name + " is deleted." : "You share it no more; others share the same notebook.");
  } else {
    say(await messageOf(answer));
  }
  await list();
}

show("").catch((error) => say(String(error)));
list();
