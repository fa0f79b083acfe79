// An extension of JupyterLab as its builder would write it, by hand because it is only a style:
// text of 75 to 90 characters a line, as in a book; code, figures and tables as wide as they are.
(window._JUPYTERLAB = window._JUPYTERLAB || {}).course = {
  init: () => undefined,
  get: () => Promise.resolve(() => ({
    __esModule: true,
    default: {
      id: 'course:style',
      autoStart: true,
      activate: () => {
        const style = document.createElement('style');
        style.textContent = `
          .jp-MarkdownCell .jp-RenderedMarkdown > :is(p, ul, ol, blockquote, details, dl, h1, h2, h3) {
            max-width: 68ch;
          }
          .jp-MarkdownCell .jp-RenderedMarkdown mjx-container[display='true'] {
            max-width: 100%;
            overflow: auto hidden;
          }
        `;
        document.head.append(style);
      }
    }
  }))
};
