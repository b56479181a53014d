"use strict";

// Paths of a server, whose names may have any character.
function encodePath(path) {
  return path.split("/").map(encodeURIComponent).join("/");
}

// The value of a cookie of a path of this site. A page sees the cookies of its own address only, so
// it takes that address for a moment.
function cookieAt(path, name) {
  const here = location.href;
  history.replaceState(null, "", path);
  const found = document.cookie.split("; ").find((one) => one.startsWith(name + "="));
  history.replaceState(null, "", here);
  return found ? found.slice(name.length + 1) : "";
}

// A page or an answer of the visitor's own server. In this mode JupyterHub takes its cookie for
// what is only read, and lets the server log the visitor in.
function read(url) {
  return fetch(url, {mode: "no-cors", credentials: "same-origin", cache: "no-store"});
}

// The same of the API, which does not log in: that is done by a page.
async function readApi(server, path) {
  const answer = await read(server + "api/" + path);
  if (answer.status !== 403) { return answer; }
  await read(server + "lab");
  return read(server + "api/" + path);
}

function say(text) {
  document.getElementById("status").textContent = text;
}

async function messageOf(answer) {
  try {
    return (await answer.json()).message || answer.statusText;
  } catch (error) {
    return answer.statusText || String(answer.status);
  }
}
