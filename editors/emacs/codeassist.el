;;; codeassist.el --- Ghost text from codeassist, through eglot  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "30.1"))
;; Keywords: convenience, languages, tools
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; eglot has no inline completion.  With this file it says that it has, and
;; `codeassist-mode' shows what the language server suggests behind the cursor:
;;
;;   (require 'codeassist)
;;   (add-hook 'eglot-managed-mode-hook #'codeassist-maybe)
;;
;; TAB accepts, M-f accepts a word, C-g dismisses.  What is suggested, when, and
;; whether a suggestion outlives the next key is decided by the server.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'jsonrpc)

(defgroup codeassist nil
  "Ghost text from a code model on your own hardware."
  :group 'convenience)

(defface codeassist-ghost '((t :inherit shadow))
  "Face of a suggestion.")

(cl-defstruct (codeassist--suggestion (:copier nil))
  "TEXT belongs between the markers START and END.  ITEM names it to the server."
  text start end item command)

(defvar-local codeassist--shown nil "The suggestion that is shown, nil if none.")
(defvar-local codeassist--overlay nil "Where it is shown.")
(defvar-local codeassist--waiting nil "The id of the request that is under way, nil if none.")
(defvar-local codeassist--seen nil "What the text and the cursor were after the last command.")

(defvar codeassist-shown-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'codeassist-accept)
    (define-key map (kbd "<tab>") #'codeassist-accept)
    (define-key map [remap forward-word] #'codeassist-accept-word)
    (define-key map [remap keyboard-quit] #'codeassist-dismiss)
    map)
  "Keys while a suggestion is shown.")

(defvar codeassist--maps (list (cons 'codeassist--shown codeassist-shown-map)))

;; A server offers inline completion to clients only that have it.
(cl-defmethod eglot-client-capabilities :around ((_server eglot-lsp-server))
  "Say that there is inline completion, too."
  (let* ((found (cl-call-next-method))
         (document (plist-put (copy-sequence (plist-get found :textDocument))
                              :inlineCompletion '(:dynamicRegistration :json-false))))
    (plist-put (copy-sequence found) :textDocument document)))

;;;###autoload
(define-minor-mode codeassist-mode
  "Show suggestions of the language server behind the cursor."
  :lighter " Assist"
  (if codeassist-mode
      (progn
        (setq codeassist--seen (codeassist--moment))
        (add-to-list 'emulation-mode-map-alists 'codeassist--maps)
        (add-hook 'post-command-hook #'codeassist--follow nil t))
    (remove-hook 'post-command-hook #'codeassist--follow t)
    (codeassist--cancel)
    (codeassist--hide)))

;;;###autoload
(defun codeassist-maybe ()
  "Switch `codeassist-mode' on where the server has inline completion, else off."
  (codeassist-mode (if (and (eglot-managed-p) (eglot-server-capable :inlineCompletionProvider)) 1 -1)))

(defun codeassist-complete ()
  "Ask for a suggestion here, wherever the server would keep silent by itself."
  (interactive)
  (codeassist--ask 1))

(defun codeassist-accept ()
  "Put the shown suggestion into the text."
  (interactive)
  (when-let ((shown codeassist--shown))
    (codeassist--insert shown (codeassist--rest shown))
    (codeassist--hide)
    (codeassist--run (codeassist--suggestion-command shown))))

(defun codeassist-accept-word ()
  "Put the next word of the shown suggestion into the text."
  (interactive)
  (when-let* ((shown codeassist--shown)
              (rest (codeassist--rest shown))
              (word (and (string-match "\\`[[:space:]\n]*\\(?:[[:word:]_]+\\|[^[:word:][:space:]_]+\\)" rest)
                         (match-string 0 rest))))
    (if (equal word rest)
        (codeassist-accept)
      (insert word)
      (codeassist--tell :codeassist/didPartiallyAccept shown :acceptedLength
                        (/ (length (encode-coding-string word 'utf-16le)) 2)))))

(defun codeassist-dismiss ()
  "Take the shown suggestion away."
  (interactive)
  (when codeassist--shown
    (codeassist--tell :codeassist/didReject codeassist--shown)
    (codeassist--hide))
  (codeassist--cancel))

;; Following what the user does

(defun codeassist--server ()
  "The running language server of this buffer, or nil."
  (let ((server (eglot-current-server)))
    (and server (jsonrpc-running-p server) server)))

(defun codeassist--moment ()
  "What a suggestion is for: the text and the cursor."
  (cons (buffer-chars-modified-tick) (point)))

(defun codeassist--follow ()
  "After each command: ask if it changed the text, hide if it moved the cursor."
  (let ((before codeassist--seen) (now (codeassist--moment)))
    (setq codeassist--seen now)
    (cond ((equal before now))
          ((or (eql (car before) (car now)) buffer-read-only (use-region-p))
           (codeassist--cancel)
           (codeassist--hide))
          (t ; What goes on in the typed direction stays, until the answer for it is there.
           (codeassist--draw)
           (if (or completion-in-region-mode (bound-and-true-p company-candidates))
               (codeassist--hide) ; A menu is open.
             (codeassist--ask 2))))))

(defun codeassist--ask (kind)
  "Ask the server for a suggestion; KIND is 1 if the user wants it, 2 else."
  (codeassist--cancel)
  (when-let ((server (codeassist--server)))
    (eglot--signal-textDocument/didChange)
    (let* ((buffer (current-buffer)) (moment (codeassist--moment)) id
           (answered (lambda (answer)
                       (when (buffer-live-p buffer)
                         (with-current-buffer buffer
                           (when (equal id codeassist--waiting)
                             (setq codeassist--waiting nil)
                             (when (and codeassist-mode (equal moment (codeassist--moment)))
                               (codeassist--show answer))))))))
      (setq id (car (jsonrpc--async-request-1
                     server :textDocument/inlineCompletion
                     `(,@(eglot--TextDocumentPositionParams) :context (:triggerKind ,kind))
                     :success-fn answered
                     :error-fn (lambda (&rest _) (funcall answered nil))
                     :timeout-fn #'ignore))
            codeassist--waiting id))))

(defun codeassist--cancel ()
  "Tell the server that nobody waits for its answer any more."
  (when codeassist--waiting
    (when-let ((server (codeassist--server)))
      (jsonrpc-notify server :$/cancelRequest `(:id ,codeassist--waiting)))
    (setq codeassist--waiting nil)))

;; Showing

(defun codeassist--show (answer)
  "Show the first item of the server's ANSWER, which is about this moment."
  (codeassist--hide)
  (when-let* ((items (if (vectorp answer) answer (plist-get answer :items)))
              (item (and (< 0 (length items)) (aref items 0))))
    (let* ((range (plist-get item :range))
           (region (if range (eglot-range-region range) (cons (point) (point))))
           (command (plist-get item :command)))
      (setq codeassist--shown
            (make-codeassist--suggestion
             :text (plist-get item :insertText) :command command
             :item (and command (< 0 (length (plist-get command :arguments)))
                        (aref (plist-get command :arguments) 0))
             :start (copy-marker (car region)) :end (copy-marker (cdr region) t)))
      (codeassist--draw)
      (when codeassist--shown
        (codeassist--tell :codeassist/didShow codeassist--shown)))))

(defun codeassist--rest (shown)
  "What of SHOWN is not in the text yet, nil if it does not go on from the cursor."
  (let ((start (codeassist--suggestion-start shown)) (text (codeassist--suggestion-text shown)))
    (when (<= start (point) (codeassist--suggestion-end shown))
      (let ((typed (buffer-substring-no-properties start (point))))
        (and (string-prefix-p typed text) (not (string= typed text))
             (substring text (length typed)))))))

(defun codeassist--draw ()
  "Draw what is left of the shown suggestion, or hide it."
  (let ((rest (and codeassist--shown (codeassist--rest codeassist--shown))))
    (if (null rest)
        (codeassist--hide)
      (let* ((ghost (propertize rest 'face 'codeassist-ghost))
             (end (marker-position (codeassist--suggestion-end codeassist--shown)))
             ;; The cursor stands before a string that is displayed in the place of text,
             ;; so the next character is displayed with it; at the end of a line there is none.
             (until (max end (min (1+ (point)) (line-end-position))))
             (alone (= (point) until)))
        (put-text-property 0 1 'cursor t ghost)
        (unless codeassist--overlay
          (setq codeassist--overlay (make-overlay (point) until)))
        (move-overlay codeassist--overlay (point) until)
        (overlay-put codeassist--overlay 'after-string (and alone ghost))
        (overlay-put codeassist--overlay 'display
                     (and (not alone) (concat ghost (buffer-substring end until))))))))

(defun codeassist--hide ()
  "Take the shown suggestion away, if there is one."
  (when codeassist--overlay
    (delete-overlay codeassist--overlay)
    (setq codeassist--overlay nil))
  (when codeassist--shown
    (set-marker (codeassist--suggestion-start codeassist--shown) nil)
    (set-marker (codeassist--suggestion-end codeassist--shown) nil)
    (setq codeassist--shown nil)))

;; Accepting

(defun codeassist--insert (shown rest)
  "Put REST of SHOWN into the text, over what it is meant to replace, in one step."
  (undo-boundary)
  (delete-region (point) (codeassist--suggestion-end shown))
  (insert rest)
  (undo-boundary))

(defun codeassist--run (command)
  "Run the COMMAND of an item that was accepted."
  (when-let ((server (and command (codeassist--server))))
    (jsonrpc-async-request server :workspace/executeCommand
                           `(:command ,(plist-get command :command)
                             :arguments ,(or (plist-get command :arguments) []))
                           :success-fn #'ignore :error-fn #'ignore :timeout-fn #'ignore)))

(defun codeassist--tell (method shown &rest more)
  "Tell the server of SHOWN by METHOD, with the parameters MORE."
  (when-let ((item (codeassist--suggestion-item shown)) (server (codeassist--server)))
    (jsonrpc-notify server method `(:itemId ,item ,@more))))

(provide 'codeassist)
;;; codeassist.el ends here
