// Shows the output of the notebook, which is the app, once Voilà has loaded its style; until then there is a notice.

window.cellLoaded = true;
window.voila_finish = () => {
  document.getElementById("loading")?.remove();
  document.getElementById("rendered_cells").style.display = "";
};
